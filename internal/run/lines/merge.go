package lines

import (
	"container/heap"
	"iter"
	"slices"
)

// Sorted is a file of JSON lines that are sorted by the documents' order.
type Sorted struct {
	Path string // compressed or not
	From int64  // an order that none of its lines is below
	Rank int    // of lines with the same order, the file of the lower rank comes first
	// Optional says that the file need not exist: then it has no lines. Any other file that is missing is an error; see Sealed.
	Optional bool
}

// Merge gives the lines of all files by order. A file is opened when its first line may be next: stretches follow one
// another, so few are open at once.
func Merge[T any](files []Sorted, order func(*T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		files = slices.Clone(files)
		slices.SortStableFunc(files, func(a, b Sorted) int { return int(min(max(a.From-b.From, -1), 1)) })
		open := &openFiles[T]{order: order}
		defer open.close()
		for {
			for len(files) > 0 && (len(open.all) == 0 || files[0].From <= open.all[0].at) {
				if err := open.add(files[0]); err != nil {
					yield(none, err)
					return
				}
				files = files[1:]
			}
			if len(open.all) == 0 {
				return
			}
			if !yield(open.all[0].head, nil) {
				return
			}
			if err := open.advance(); err != nil {
				yield(none, err)
				return
			}
		}
	}
}

type openFile[T any] struct {
	head T
	at   int64
	rank int
	next func() (T, error, bool)
	stop func()
}

type openFiles[T any] struct {
	all   []*openFile[T]
	order func(*T) int64
}

func (o *openFiles[T]) add(f Sorted) error {
	file, read := &openFile[T]{rank: f.Rank}, Sealed[T]
	if f.Optional {
		read = Read[T]
	}
	file.next, file.stop = iter.Pull2(read(f.Path))
	ok, err := o.read(file)
	if err != nil || !ok {
		file.stop()
		return err
	}
	heap.Push(o, file)
	return nil
}

func (o *openFiles[T]) read(f *openFile[T]) (bool, error) {
	head, err, ok := f.next()
	if err != nil || !ok {
		return false, err
	}
	f.head, f.at = head, o.order(&head)
	return true, nil
}

func (o *openFiles[T]) advance() error {
	ok, err := o.read(o.all[0])
	switch {
	case err != nil:
		return err
	case ok:
		heap.Fix(o, 0)
	default:
		heap.Pop(o).(*openFile[T]).stop()
	}
	return nil
}

func (o *openFiles[T]) close() {
	for _, f := range o.all {
		f.stop()
	}
}

func (o *openFiles[T]) Len() int { return len(o.all) }
func (o *openFiles[T]) Less(i, j int) bool {
	a, b := o.all[i], o.all[j]
	return a.at < b.at || (a.at == b.at && a.rank < b.rank)
}
func (o *openFiles[T]) Swap(i, j int) { o.all[i], o.all[j] = o.all[j], o.all[i] }
func (o *openFiles[T]) Push(x any)    { o.all = append(o.all, x.(*openFile[T])) }
func (o *openFiles[T]) Pop() any {
	last := o.all[len(o.all)-1]
	o.all = o.all[:len(o.all)-1]
	return last
}

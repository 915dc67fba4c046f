package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"quarry"
	"quarry/internal/standin/store"
)

// refusal is a job that fails by its own fault; the text is what Get shows as the job's message.
type refusal struct{ message string }

func (r *refusal) Error() string { return r.message }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// validate does what Bedrock does in Validating: it looks whether the role reaches bucket, files and model, and reads
// every line for its form and the quotas. Its error is a *refusal where the job is at fault.
func (e *Engine) validate(ctx context.Context, j Job) (files []inputFile, total int64, err error) {
	if err := e.checkTrust(ctx, j); err != nil {
		return nil, 0, err
	}
	files, err = e.findInput(ctx, j)
	if err != nil {
		return nil, 0, err
	}
	if err := e.checkRights(ctx, j, files); err != nil {
		return nil, 0, err
	}
	quotas := e.cfg.Quotas(j.Region, j.ModelID)
	if err := checkBytes(quotas, files); err != nil {
		return nil, 0, err
	}
	for i := range files {
		f := &files[i]
		if f.Records, err = e.checkFile(ctx, j, f, quotas); err != nil {
			return nil, 0, err
		}
		if total += f.Records; exceeds(total, quotas.RecordsPerJob) {
			return nil, 0, refuse("Batch job contains more records (%d) than the allowed maximum of: %d", total, quotas.RecordsPerJob)
		}
	}
	if total < quotas.MinRecords || total == 0 {
		return nil, 0, refuse("Batch job contains less records (%d) than the required minimum of: %d",
			total, max(quotas.MinRecords, 1))
	}
	return files, total, nil
}

func exceeds(have, limit int64) bool { return limit > 0 && have > limit }

func checkBytes(q quarry.Quotas, files []inputFile) error {
	var sum int64
	for _, f := range files {
		if exceeds(f.Size, q.FileBytes) {
			return refuse("Batch job input file %s is larger (%d bytes) than the allowed maximum of: %d", f.Key, f.Size, q.FileBytes)
		}
		sum += f.Size
	}
	if exceeds(sum, q.JobBytes) {
		return refuse("Batch job input is larger (%d bytes) than the allowed maximum of: %d", sum, q.JobBytes)
	}
	return nil
}

// findInput lists the job's files: the object of that name when it ends in .jsonl, else all that do below the name as
// a folder (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-create.html).
func (e *Engine) findInput(ctx context.Context, j Job) ([]inputFile, error) {
	bucket, key := splitURI(j.InputURI)
	if _, err := e.cfg.Store.Bucket(ctx, bucket); err != nil {
		return nil, noObject(err, "GetObject", bucket, key)
	}
	if strings.HasSuffix(key, ".jsonl") {
		if err := e.mayRead(ctx, j, bucket, key); err != nil {
			return nil, err
		}
		o, err := e.cfg.Store.Stat(ctx, bucket, key)
		if err != nil {
			return nil, noObject(err, "GetObject", bucket, key)
		}
		return []inputFile{{Key: key, Output: path.Base(key) + ".out", Size: o.Size, ETag: o.ETag}}, nil
	}
	return e.listInput(ctx, j, bucket, key)
}

func (e *Engine) listInput(ctx context.Context, j Job, bucket, prefix string) ([]inputFile, error) {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	if err := e.mayList(ctx, j, bucket, prefix); err != nil {
		return nil, err
	}
	var files []inputFile
	for o, err := range e.cfg.Store.Objects(ctx, bucket, prefix) {
		if err != nil {
			return nil, noObject(err, "ListBucket", bucket, prefix)
		}
		if !strings.HasSuffix(o.Key, ".jsonl") {
			continue // accompanying content
		}
		if err := e.mayRead(ctx, j, bucket, o.Key); err != nil {
			return nil, err
		}
		// A file of a subfolder keeps the subfolder in its output's name: two files of one name would else
		// overwrite one another. What AWS does then is not documented.
		out := strings.TrimPrefix(o.Key, prefix) + ".out"
		files = append(files, inputFile{Key: o.Key, Output: out, Size: o.Size, ETag: o.ETag})
	}
	if len(files) == 0 {
		return nil, refuse("No JSONL files were found at the input location s3://%s/%s. Input files must have the extension .jsonl", bucket, prefix)
	}
	return files, nil
}

// noObject turns what the store says into what Bedrock says of a bucket or key it cannot reach.
func noObject(err error, right, bucket, key string) error {
	if errors.Is(err, store.ErrNoSuchBucket) || errors.Is(err, store.ErrNoSuchKey) {
		return noRight(right, bucket, key)
	}
	return err
}

// checkFile reads a file to its end and counts its records.
func (e *Engine) checkFile(ctx context.Context, j Job, f *inputFile, q quarry.Quotas) (records int64, err error) {
	r, err := e.openInput(ctx, j, *f)
	if err != nil {
		return 0, err
	}
	defer func() { err = cmp.Or(err, r.Close()) }()
	lines := newLines(r)
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return records, nil
		case errors.Is(err, errLongLine):
			return 0, badRecord(f, lines.number+1, err)
		case err != nil:
			return 0, fmt.Errorf("read s3 object %s: %w", f.Key, err)
		case lines.blank > 0:
			return 0, badRecord(f, lines.blank, errors.New("is empty"))
		}
		if _, err := parseRecord(line); err != nil {
			return 0, badRecord(f, lines.number, err)
		}
		if records++; exceeds(records, q.RecordsPerFile) {
			return 0, refuse("Batch job input file %s contains more records than the allowed maximum of: %d", f.Key, q.RecordsPerFile)
		}
		if records%1024 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
}

func badRecord(f *inputFile, number int64, reason error) error {
	return refuse("Batch job input file %s is not valid: line %d %v", f.Key, number, reason)
}

// openInput opens a file of the input and makes sure that it is the one that was validated.
func (e *Engine) openInput(ctx context.Context, j Job, f inputFile) (io.ReadCloser, error) {
	bucket, _ := splitURI(j.InputURI)
	r, o, err := e.cfg.Store.Read(ctx, bucket, f.Key)
	if err != nil {
		return nil, noObject(err, "GetObject", bucket, f.Key)
	}
	if o.ETag != f.ETag || o.Size != f.Size {
		return nil, errors.Join(refuse("Batch job input file %s was changed while the job was running", f.Key), r.Close())
	}
	return r, nil
}

package validate

import "fmt"

// limits sets the counts and sizes next to what the model allows, and tells each that is passed.
func (r *run) limits() {
	q := r.cfg.Quotas
	var records, size int64
	for i := range r.report.Files {
		f := &r.report.Files[i]
		records += f.Records
		size += f.Bytes
		r.file = f
		r.limit(f.Name, "records", f.Records, 0, q.RecordsPerFile)
		r.limit(f.Name, "bytes", f.Bytes, 0, q.FileBytes)
	}
	r.file = nil
	r.limit("", "records", records, q.MinRecords, q.RecordsPerJob)
	r.limit("", "bytes", size, 0, q.JobBytes)
}

func (r *run) limit(file, unit string, is, least, most int64) {
	l := Limit{What: unit + " in " + file, Is: is, OK: true}
	if file == "" {
		l.What = unit + " in all files"
	}
	if least > 0 {
		l.Min = &least
		if is < least {
			l.OK = false
			r.fault(Fault{File: file, Reason: fmt.Sprintf("%d %s, below the minimum of %d", is, unit, least)})
		}
	}
	if most > 0 {
		l.Max = &most
		if is > most {
			l.OK = false
			r.fault(Fault{File: file, Reason: fmt.Sprintf("%d %s, above the limit of %d", is, unit, most)})
		}
	}
	r.report.Limits = append(r.report.Limits, l)
}

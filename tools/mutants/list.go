package main

var list = []mutant{
	// The ledger: what is taken, released and saved.
	{file: "internal/ledger/shard.go", was: "AND due <= $1 AND id NOT IN", is: "AND due <= $1 + 1e15 AND id NOT IN"},
	{file: "internal/ledger/shard.go", was: "ORDER BY due, seq LIMIT 1", is: "ORDER BY seq DESC LIMIT 1"},
	{file: "internal/ledger/shard.go", was: "SET state = $1, mode = $2, due = $3, detail = $4 WHERE", is: "SET mode = $2, due = $3, detail = $4 || substr($1, 1, 0) WHERE"},
	{file: "internal/ledger/shard.go", was: "state <> 'done' AND (kind = $3 OR $3 = '') ORDER BY seq LIMIT $4", is: "state <> 'done' AND (kind = $3 OR 1) ORDER BY seq LIMIT $4"},
	{file: "internal/ledger/shard.go", was: "OR $3 = '') ORDER BY seq LIMIT $4", is: "OR $3 = '') ORDER BY seq LIMIT $4 + 1"},
	{file: "internal/ledger/shard.go", was: "held.UnixMilli(), string(b))\n", is: "int64(0), string(b))\n"},
	{file: "internal/ledger/shard.go", was: "due = CASE WHEN due = $1 THEN due ELSE $2 END", is: "due = $2 + 0 * $1"},
	{file: "internal/ledger/shard.go", was: "due <> $1 AND id NOT IN (SELECT value FROM json_each($2))", is: "due <> $1 AND $2 <> ''"},
	{file: "internal/ledger/shard.go", was: "if n, err := res.RowsAffected(); err != nil || n != 1 {", is: "if n, err := res.RowsAffected(); err != nil || n > 1 {"},
	{file: "internal/ledger/shard.go", was: "const late = `state <> 'done' AND due > $1", is: "const late = `state <> 'done' AND due >= $1"},
	{file: "internal/ledger/shard.go", was: "WHERE state <> 'done' AND due <> $1 AND", is: "WHERE due <> $1 AND"},
	{file: "internal/ledger/shard.go", was: "d.HandsTo = to", is: "_ = to"},
	{file: "internal/ledger/shard.go", was: "`DELETE FROM fact WHERE name = $1`", is: "`SELECT value FROM fact WHERE name = $1`"},
	{file: "internal/ledger/counts.go", was: "if quarry.ShardState(state) != quarry.ShardDone {", is: "{", survives: "a row that is done was taken, so it is not held"},
	{file: "internal/ledger/format.go", was: "if n <= Format {", is: "if n <= Format+100 {"},
	{file: "internal/ledger/format.go", was: "if err := copyFile(e, path, CopyPath(path, from)); err != nil {", is: "if err := error(nil); err != nil {"},
	{file: "internal/ledger/step.go", was: "state = excluded.state, ", is: ""},

	// Files that appear whole.
	{file: "internal/atomicfile/atomicfile.go", was: "	if err := w.f.Sync(); err != nil {\n		return err\n	}\n", is: ""},
	{file: "internal/atomicfile/atomicfile.go", was: "f, err := e.Create(path + \".tmp\")", is: "f, err := e.Create(path)"},
	{file: "internal/atomicfile/atomicfile.go", was: "	for _, w := range files {\n		if err := w.Commit(); err != nil {\n			return err\n		}\n	}\n	return nil", is: "	var first error\n	for _, w := range files {\n		if err := w.Commit(); first == nil {\n			first = err\n		}\n	}\n	return first"},
	{file: "internal/atomicfile/atomicfile.go", was: "_ = w.e.Remove(w.path + \".tmp\")", is: ""},

	// The loop that steps shards.
	{file: "internal/reconcile/reconcile.go", was: "if err != nil && !errors.As(err, &halt) {", is: "if err != nil {"},
	{file: "internal/reconcile/reconcile.go", was: "	if halt != nil {\n		return halt.Err\n	}\n", is: ""},
	{file: "internal/reconcile/reconcile.go", was: "l.stepped = append(l.stepped, s.ID)", is: ""},
	{file: "internal/reconcile/reconcile.go", was: "context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)", is: "context.WithTimeout(ctx, 30*time.Second)"},
	{file: "internal/reconcile/reconcile.go", was: "return l.Refill(saveCtx)", is: "return nil"},

	// On-demand calls.
	{file: "internal/run/calls/call.go", was: "q.begun > 1 || q.begun > 0 && q.resent", is: "q.begun > 1"},
	{file: "internal/run/calls/call.go", was: "q.begun > 1 || q.begun > 0 && q.resent", is: "q.begun > 2 || q.begun > 0 && q.resent"},
	{file: "internal/run/calls/call.go", was: "n == 1 && !q.resent", is: "n == 1"},
	{file: "internal/run/calls/call.go", was: "n == 1 && !q.resent", is: "!q.resent && n < 3"},
	{file: "internal/run/calls/call.go", was: "if written != n {", is: "if written != n && n > 1 {"},
	{file: "internal/run/calls/call.go", was: "case r.cfg.Local && fault.Status == 503:", is: "case fault.Status == 503 && !r.cfg.Local:"},
	{file: "internal/run/calls/call.go", was: "if r.why == why && time.Since(r.whyAt) < repeatedAfter {", is: "if r.why == why {"},
	{file: "internal/run/calls/calls.go", was: "context.WithCancel(context.WithoutCancel(ctx))", is: "context.WithCancel(ctx)"},
	{file: "internal/run/calls/calls.go", was: "		time.AfterFunc(Grace, end)\n", is: ""},
	{file: "internal/run/calls/calls.go", was: "r.cached.CompareAndSwap(false, true)", is: "r.cached.Load()"},
	{file: "internal/run/calls/calls.go", was: "q.begun, q.resent = begun[q.id], resent[q.id]", is: "q.begun, q.resent = begun[q.id], resent[\"\"]"},
	{file: "internal/run/calls/pace.go", was: "!c.warned.CompareAndSwap(false, true)", is: "c.warned.Load()"},

	// Merging sorted files.
	{file: "internal/run/lines/merge.go", was: "a.at < b.at || (a.at == b.at && a.rank < b.rank)", is: "a.at < b.at"},
	{file: "internal/run/lines/merge.go", was: "files[0].From <= open.all[0].at", is: "files[0].From < open.all[0].at"},
	{file: "internal/run/lines/merge.go", was: "min(max(a.From-b.From, -1), 1)", is: "min(max(b.From-a.From, -1), 1)"},
	{file: "internal/run/lines/lines.go", was: "enc.SetEscapeHTML(false)", is: ""},
	{file: "internal/run/lines/lines.go", was: "if len(line) > 0 && !yield(line, nil) {", is: "if err == nil && !yield(line, nil) {"},

	// The memory of answers.
	{file: "internal/run/answered/answered.go", was: "return e.ID == id && bytes.Equal(e.Key[:prefixBytes], key[:prefixBytes])", is: "return bytes.Equal(e.Key[:prefixBytes], key[:prefixBytes])"},
	{file: "internal/run/answered/answered.go", was: "	return e.Key == key\n", is: "	return bytes.Equal(e.Key[:prefixBytes], key[:prefixBytes])\n"},
	{file: "internal/run/answered/answered.go", was: "	case c == quarry.ClassRecordError:\n		return Final", is: "	case c == quarry.ClassRecordError:\n		return None"},
	{file: "internal/run/answered/answered.go", was: "	case c.Answered():\n		return Bad", is: "	case c.Answered():\n		return None"},
	{file: "internal/run/answered/file.go", was: "if f.head.Format != format {", is: "if f.head.Format < format {"},
	{file: "internal/run/answered/file.go", was: "		if bytes.Equal(b, last) {\n			return nil\n		}\n", is: ""},
	{file: "internal/run/answered/file.go", was: "bytes.Compare(was, b) <= 0", is: "bytes.Compare(was, b) >= 0"},
	{file: "internal/run/answered/journal.go", was: "if a.Class == quarry.ClassUnsent {", is: "if false {"},
	{file: "internal/run/answered/journal.go", was: "if e.Hash == id && [prefixBytes]byte(e.Key[:]) == prefix {", is: "if e.Hash == id {"},
	{file: "internal/run/answered/journal.go", was: "		line++\n		if a.Class", is: "		if a.Class"},
	{file: "internal/run/answered/sorter.go", was: "if n < 0 || r.files[n].level != r.files[len(r.files)-1].level {", is: "if n < 0 {", survives: "fewer files of mixed levels are merged: the order is the same"},

	// What a cap lets through, and when calls take the place of jobs.
	{file: "internal/run/forecast/cap.go", was: "return b.Open.Plus(own).Needs() <= b.Left(limit)", is: "return own.Needs() <= b.Left(limit)"},
	{file: "internal/run/forecast/cap.go", was: "return limit - b.Settled }", is: "return limit }"},
	{file: "internal/run/forecast/cap.go", was: "min(r.Forecast.Plus(r.Forecast), r.Worst)", is: "min(r.Forecast, r.Worst)"},
	{file: "internal/run/forecast/cap.go", was: "	r.Forecast = min(r.Forecast, r.Worst)\n", is: ""},
	{file: "internal/run/forecast/cap.go", was: "if share <= 0 || most < least || most >= records {", is: "if share <= 0 || most >= records {"},
	{file: "internal/run/forecast/cap.go", was: "return min(1, seen*ratioMargin)", is: "return seen"},
	{file: "internal/run/forecast/cap.go", was: "	if forecast <= 0 || cost <= forecast {\n		return 1\n	}", is: "	if forecast <= 0 {\n		return 1\n	}"},
	{file: "internal/run/forecast/deadline.go", was: "left > times(need, planSlack)+h.Margin", is: "left > need+h.Margin"},
	{file: "internal/run/forecast/deadline.go", was: "if h.Flex && left > times(need, flexLeast)+h.Margin {", is: "if h.Flex {"},
	{file: "internal/run/forecast/deadline.go", was: "if err != nil || d <= 0 {", is: "if err != nil {"},

	// The pilot's gate and what it learns.
	{file: "internal/run/pilot/pilot.go", was: "float64(p.OK)/float64(p.Judged) >= share", is: "float64(p.OK)/float64(p.Judged) > share"},
	{file: "internal/run/pilot/pilot.go", was: "return p.Judged == 0 || float64", is: "return float64"},
	{file: "internal/run/pilot/pilot.go", was: "- s.Tally.Classes[quarry.ClassMissing] ", is: ""},
	{file: "internal/run/pilot/pilot.go", was: "again = again && of[from]", is: "again = again || of[from]"},
	{file: "internal/run/pilot/pilot.go", was: "if usage.InputTokens == 0 || !usage.Known() {", is: "if usage.InputTokens == 0 {"},
	{file: "internal/run/pilot/pilot.go", was: "		if s.Kind == quarry.PilotShard {\n			p.Records += s.Records\n		}", is: "		p.Records += s.Records"},

	// Reading answers.
	{file: "internal/parse/parse.go", was: "	if refused(a.StopReason) {", is: "	if false {"},
	{file: "internal/parse/parse.go", was: "if truncated(a.StopReason) {\n			r.Class", is: "if false {\n			r.Class"},
	{file: "internal/parse/parse.go", was: "case code == 429, code == 503 && !unreachable(message):", is: "case code == 429, code == 503:"},
	{file: "internal/parse/parse.go", was: "case code >= 400 && code < 500:", is: "case code >= 400 && code <= 500:"},
	{file: "internal/parse/find.go", was: "	case len(good) > 1:\n", is: "	case len(good) > 2:\n"},
	{file: "internal/parse/scan.go", was: "		case errors.Is(err, errCut):\n			return nil, false", is: "		case errors.Is(err, errCut):\n			return values, true"},
	{file: "internal/parse/find.go", was: "case len(good) == 0 && len(candidates) == 1:", is: "case len(good) == 0:"},
	{file: "internal/parse/output.go", was: "	if inOK && outOK {", is: "	if inOK || outOK {"},
	{file: "internal/parse/output.go", was: "|| n < 0 || n > quarry.MaxTokenCount", is: "|| n > quarry.MaxTokenCount"},
	{file: "internal/parse/output.go", was: "	a.Usage.InputTokens += r + w\n", is: ""},
	{file: "internal/parse/scan.go", was: "case err != nil && r.members > 0:", is: "case err != nil && r.members > 1:"},
	{file: "internal/parse/scan.go", was: "if half < 0xDC00 && len(s) >= 12", is: "if len(s) >= 12"},
	{file: "internal/parse/language.go", was: "if model != extractiveModel {", is: "if false {"},

	// Cutting records into files.
	{file: "internal/pack/packer.go", was: "p.base.Records+int64(p.full) >= p.maxRecords", is: "p.base.Records+int64(p.full) > p.maxRecords"},
	{file: "internal/pack/packer.go", was: "b > p.maxBytes-p.base.Bytes-p.inFull", is: "b > p.maxBytes-p.base.Bytes"},
	{file: "internal/pack/packer.go", was: "if p.reached[end] >= len(p.held) {", is: "if p.reached[end] >= len(p.held)-1 {"},
	{file: "internal/pack/packer.go", was: "if first > p.full {", is: "if first >= p.full {", survives: "the only end there is then is the one that is taken without a choice"},
	{file: "internal/pack/packer.go", was: "if p.minRecords > int64(n-i) {", is: "if p.minRecords >= int64(n-i) {"},
	{file: "internal/pack/pack.go", was: "(seen > 0 && item.Order <= last)", is: "(seen > 0 && item.Order < last)"},
	{file: "internal/pack/pack.go", was: "if a == 0 || (b != 0 && b < a) {", is: "if b < a {"},
	{file: "internal/pack/pack.go", was: "if p.maxBytes > 0 && item.Bytes > p.maxBytes {", is: "if p.maxBytes > 0 && item.Bytes >= p.maxBytes {"},
}

package run

// steps is the whole product, in order. Each reads from the ledger what is left and does only that.
// Between pilot and export is the life of each shard (package life), ticked by reconcile.
func (p *pass) steps() []step {
	return []step{
		{"plan", p.plan},           // read, clean, count, cut into shards; refuse what cannot be sent
		{"preflight", p.preflight}, // free checks before paid work; stops, never warns
		{"pilot", p.pilot},         // a small sample; its answers decide on the rest
		{"shards", p.shards},       // each: build → submit → watch → collect → retry
		{"export", p.export},       // every document once, in the order of the sources
		{"report", p.writeReport},  // what it cost, how long it took
	}
}

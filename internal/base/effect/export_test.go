package effect

// Compiled is how many texts the database has compiled.
func (d *DB) Compiled() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.compiled)
}

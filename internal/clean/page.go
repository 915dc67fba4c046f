package clean

// page renders the main content of a whole page.
func (c *Cleaner) page(out *Cleaned, _ string, src []byte, title string) string {
	out.Tree = c.body(src)
	return title
}

package setup

// CompleteTrust is what setup makes of a trust policy that it finds.
func CompleteTrust(text string, w Wants) (completed string, lines []string, err error) {
	completed, lines, _, err = completeTrust(text, w, "the trust policy")
	return completed, lines, err
}

// CompleteRights is what setup makes of an inline policy that it finds under its own name.
func CompleteRights(text string, w Wants) (completed string, lines []string, err error) {
	doc, err := read(text)
	if err != nil {
		return "", nil, err
	}
	wanted := roleStatements(w)
	lines, err = doc.keep(wanted, "the policy")
	if err != nil {
		return "", nil, err
	}
	for _, s := range wanted {
		merged, err := doc.merge(s, "the policy")
		if err != nil {
			return "", nil, err
		}
		lines = append(lines, merged...)
	}
	completed, err = doc.text()
	return completed, lines, err
}

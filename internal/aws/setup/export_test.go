package setup

// MendTrust is what setup makes of a trust policy that it finds.
func MendTrust(text string, w Wants) (mended string, lines []string, err error) {
	mended, lines, _, err = mendTrust(text, w, "the trust policy")
	return mended, lines, err
}

// MendRights is what setup makes of an inline policy that it finds under its own name.
func MendRights(text string, w Wants) (mended string, lines []string, err error) {
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
	mended, err = doc.text()
	return mended, lines, err
}

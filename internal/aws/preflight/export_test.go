package preflight

// Evaluate gives what a policy says of one question: "yes", "no" or "maybe", for Allow and for Deny.
func Evaluate(policy, kind, principal, action, resource string, context map[string]string) (allows, denies string, err error) {
	d, err := parsePolicy(policy)
	if err != nil {
		return "", "", err
	}
	q := question{principalKind: kind, principal: principal, action: action, resource: resource, context: context}
	word := map[verdict]string{no: "no", maybe: "maybe", yes: "yes"}
	a, _ := d.allows(q)
	n, _ := d.denies(q)
	return word[a], word[n], nil
}

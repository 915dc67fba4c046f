package catalog

// CallQuotas picks the quotas of on-demand calls to the model, for the profile, out of what Service Quotas lists, also
// those that are 0, as some accounts have them. Of two rows for one quota the first counts, so applied values go before
// defaults.
func (m Model) CallQuotas(rows []QuotaRow, profile string) (found []QuotaRow) {
	if m.row == nil {
		return nil
	}
	labels, codes := m.wanted(ScopeOf(profile))
	seen := map[Kind]bool{}
	for _, r := range rows {
		kind, ok := labels[plainLabel(r.Label)]
		if !ok && r.Code != "" {
			kind, ok = codes[r.Code]
		}
		if ok && (kind == RPM || kind == TPM) && !seen[kind] {
			seen[kind] = true
			found = append(found, r)
		}
	}
	return found
}

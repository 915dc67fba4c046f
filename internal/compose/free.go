package compose

// A stand-in can be what --target aws reaches: `quarry local`, on this machine or another one, at the address that
// AWS_ENDPOINT_URL names. What it answers costs the account nothing, and no report may say that it does. That an address is
// on loopback is not enough: it can be a tunnel or a proxy to AWS.

// free reports whether jobs and calls both go to a stand-in: is asks one address. Nothing is asked where no address is set:
// then it is AWS.
func (pr *Program) free(base string, is func(address string) bool) bool {
	seen := map[string]bool{}
	for _, service := range []string{"AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"} {
		address := base
		if own, ok := pr.Env(service); ok && own != "" {
			address = own
		}
		if address == "" || (!seen[address] && !is(address)) {
			return false
		}
		seen[address] = true
	}
	return true
}

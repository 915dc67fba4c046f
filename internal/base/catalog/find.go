package catalog

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// prefixes are the geographies of inference profiles, the longer one before the one it begins with.
var prefixes = [...]string{"us-gov", "us", "eu", "apac", "jp", "au", Global}

// Split takes an id apart without asking the table: a foundation-model id or ARN, or an inference-profile id or ARN. It
// gives the plain id and the profile's prefix ("us", "global", "" for none). ok is false for ARNs that name something
// else, such as an application inference profile, whose model only AWS knows.
func Split(id string) (modelID, profile string, ok bool) {
	if strings.HasPrefix(id, "arn:") {
		parts := strings.SplitN(id, ":", 6)
		if len(parts) != 6 || parts[2] != "bedrock" {
			return "", "", false
		}
		kind, name, _ := strings.Cut(parts[5], "/")
		if name == "" {
			return "", "", false
		}
		switch kind {
		case "foundation-model":
			return name, "", true
		case "inference-profile":
			id = name
		default:
			return "", "", false
		}
	}
	for _, p := range prefixes {
		if rest, found := strings.CutPrefix(id, p+"."); found && rest != "" {
			return rest, p, true
		}
	}
	return id, "", id != ""
}

// Find takes a foundation-model id or ARN, or an inference-profile id or ARN; it gives the model and the profile's
// prefix ("us", "global", "" for none). ok is false when the table lists no such model, or not with this profile: AWS
// may know it all the same.
func Find(id string) (m Model, profile string, ok bool) {
	plain, profile, ok := Split(id)
	if !ok {
		return Model{}, "", false
	}
	m, ok = loaded().byID[plain]
	if !ok || !m.HasProfile(profile) {
		return Model{}, "", false
	}
	return m, profile, true
}

// Named finds a model by what AWS calls it outside of its API: on its card, in the labels of quotas, in price lists.
// Case, spaces and punctuation do not count, nor does what price lists put in parentheses after the name.
func Named(name string) (Model, bool) {
	name, _, _ = strings.Cut(name, "(Amazon Bedrock Edition)")
	m, ok := loaded().byName[letters(name)]
	return m, ok
}

const maxSuggestions = 3

// Suggest gives ids of the table near to one that Find does not know, the nearest first, for "did you mean". It is
// empty when nothing is near.
func Suggest(id string) []string {
	plain, profile, ok := Split(id)
	if !ok {
		return nil
	}
	wanted := squash(plain)
	if wanted == "" || len(wanted) > 100 { // longer than any id by more than the nearness that counts
		return nil
	}
	type near struct {
		id       string
		distance int
	}
	var found []near
	for _, m := range loaded().models {
		d := min(distance(wanted, squash(m.ID)), distance(wanted, squash(m.Name)))
		if len(wanted) >= 4 && (strings.Contains(squash(m.ID), wanted) || strings.Contains(squash(m.Name), wanted)) {
			d = 0
		}
		if d > len(wanted)/4 {
			continue
		}
		found = append(found, near{bestID(m, profile), d})
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	ids := make([]string, 0, maxSuggestions)
	for _, n := range found[:min(len(found), maxSuggestions)] {
		ids = append(ids, n.id)
	}
	return ids
}

// bestID writes a model's id with the profile that was asked for, or with one that it has when it takes no plain id.
func bestID(m Model, profile string) string {
	switch {
	case profile != "" && m.HasProfile(profile):
		return profile + "." + m.ID
	case len(m.row.InRegion) == 0 && m.HasProfile("us"):
		return "us." + m.ID
	}
	return m.ID
}

// squash keeps what people remember of an id: letters and digits, in lower case, without the provider.
func squash(s string) string {
	if _, rest, ok := strings.Cut(s, "."); ok && utf8.RuneCountInString(rest) > 3 {
		s = rest
	}
	return letters(s)
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// distance is Levenshtein's: how many letters to put in, take out or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

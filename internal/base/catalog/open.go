package catalog

import "strings"

// Open is Find for every model whose id says what its body looks like: one that the table does not list is given with
// what its provider's models have in common, and nothing else is known of it (Listed is false). ok is false for an id that
// says nothing, such as an application inference profile's, and for providers that are not known.
func Open(id string) (m Model, profile string, ok bool) {
	if m, profile, ok = Find(id); ok {
		return m, profile, true
	}
	plain, profile, ok := Split(id)
	if !ok {
		return Model{}, "", false
	}
	if listed, ok := loaded().byID[plain]; ok {
		return listed, profile, true // with a profile that is new
	}
	shape, ok := ShapeOf(id)
	if !ok {
		return Model{}, "", false
	}
	provider, _, _ := strings.Cut(plain, ".")
	return Model{ID: plain, Name: plain, Provider: provider, Family: familyOf[shape], Embedding: shape.Output() == "embeddings"}, profile, true
}

var familyOf = map[Shape]Family{
	ShapeAnthropic: Anthropic, ShapeNova: Nova, ShapeLlama: Llama, ShapeOpenAI: OpenAIChat, ShapeTitanEmbed: TitanEmbed,
	ShapeNovaEmbed: NovaEmbed,
}

// Listed reports whether the table lists the model.
func (m Model) Listed() bool { return m.row != nil }

// Mistyped reports whether an id that the table does not list looks like a slip in one that it does: letters that are
// wrong, or the date of a listed model with another version. Another version alone is a model that may be new.
func Mistyped(id string) bool {
	plain, _, ok := Split(id)
	if !ok {
		return false
	}
	name, date := nameAndDate(plain)
	near := false
	for _, m := range loaded().models {
		listed, listedDate := nameAndDate(m.ID)
		switch d := distance(name, listed); {
		case d == 0 && date != "" && date == listedDate:
			return true
		case d == 0:
			return false
		case d <= 2 && len(name) > 8:
			near = true
		}
	}
	return near
}

// nameAndDate gives an id's letters without its versions, and the day in it as eight digits.
func nameAndDate(id string) (name, date string) {
	id, _, _ = strings.Cut(id, ":")
	for _, part := range strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '.' }) {
		digits := strings.Trim(part, "0123456789") == ""
		switch {
		case digits && len(part) == 8:
			date = part
		case digits, part == "v1", part == "v2":
		default:
			name += part
		}
	}
	return name, date
}

// NewVersion reports whether an id that the table does not list is another version of a model that it does: the same
// letters, other numbers.
func NewVersion(id string) bool {
	plain, _, ok := Split(id)
	if !ok {
		return false
	}
	name, _ := nameAndDate(plain)
	for _, m := range loaded().models {
		if listed, _ := nameAndDate(m.ID); listed == name {
			return true
		}
	}
	return false
}

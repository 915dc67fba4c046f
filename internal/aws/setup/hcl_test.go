package setup_test

import "github.com/zclconf/go-cty/cty"

// plainValue turns what an expression evaluates to into what JSON can write.
func plainValue(v cty.Value) any {
	switch {
	case v.Type() == cty.String:
		return v.AsString()
	case v.CanIterateElements() && (v.Type().IsObjectType() || v.Type().IsMapType()):
		out := map[string]any{}
		for key, one := range v.AsValueMap() {
			out[key] = plainValue(one)
		}
		return out
	case v.CanIterateElements():
		var out []any
		for _, one := range v.AsValueSlice() {
			out = append(out, plainValue(one))
		}
		return out
	}
	return nil
}

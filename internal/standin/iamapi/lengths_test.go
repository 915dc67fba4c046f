package iamapi_test

import (
	"slices"
	"strings"
	"testing"
)

func TestParametersThatIAMRefusesAreNamed(t *testing.T) {
	t.Parallel()
	a := open(t, nil)
	long := `{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("x", 2048) + `",` + strings.TrimPrefix(trust, `{"Version":"2012-10-17","Statement":[{`)
	tags := func(pairs ...string) (form []string) {
		for i := 0; i < len(pairs); i += 2 {
			prefix := "Tags.member." + string(rune('1'+i/2))
			form = append(form, prefix+".Key", pairs[i], prefix+".Value", pairs[i+1])
		}
		return form
	}
	for _, c := range []struct {
		name string
		form []string
		want string
	}{
		{"a long name", []string{"RoleName", strings.Repeat("x", 65)}, "length less than or equal to 64"},
		{"a name with a space", []string{"RoleName", "a b"}, "at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern"},
		{"no name", []string{"RoleName", ""}, "length greater than or equal to 1"},
		{"a long description", []string{"Description", strings.Repeat("x", 1001)}, "at 'description' failed to satisfy constraint: Member must have length"},
		{"a long path", []string{"Path", "/" + strings.Repeat("x", 512) + "/"}, "at 'path' failed to satisfy constraint: Member must have length"},
		{"a long trust policy", []string{"AssumeRolePolicyDocument", long}, "ACLSizePerRole: 2048"},
		{"a long key of a tag", tags("a", "b", strings.Repeat("x", 129), "v"), "at 'tags.2.member.key'"},
		{"a long value of a tag", tags("a", strings.Repeat("x", 257)), "at 'tags.1.member.value'"},
		{"a letter that tags have not", tags("a!", "v"), "regular expression"},
		{"a tag of AWS's", tags("aws:x", "v"), "InvalidInput"},
		{"the same key twice", tags("a", "v", "A", "v"), "Duplicate tag keys"},
	} {
		form := []string{"Action", "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust}
		if status, body := do(t, a.IAM(), "2010-05-08", slices.Concat(form, c.form)...); status/100 != 4 || !strings.Contains(strings.ReplaceAll(body, "&#39;", "'"), c.want) {
			t.Errorf("%s: %d %s, want %q", c.name, status, body, c.want)
		}
	}
	must(t, a, "Action", "CreateRole", "RoleName", strings.Repeat("x", 64), "AssumeRolePolicyDocument", trust, "Description", strings.Repeat("x", 1000))
}

package setup

import (
	"errors"
	"fmt"
	"strings"

	"quarry"
)

// Formats are what Print writes.
func Formats() []string { return []string{"policy", "cli", "terraform", "cloudformation"} }

// Print writes what setup would make from nothing, for other tools to make it: "policy" (one JSON object with the members
// trust, role, caller and bucket), "cli" (a shell script of aws commands), "terraform" or "cloudformation". remark goes
// into each as a comment, but for policy, which has none. It makes no call.
func Print(w Wants, format, remark string) (string, error) {
	w = w.complete()
	if err := w.Validate(); err != nil {
		return "", err
	}
	if IsApplicationProfile(w.Model) && len(w.Models) == 0 {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "print rights for", Subject: w.Model, Err: errors.New("only AWS knows the models of this profile"),
			Hint: "rerun the same command with --target aws and credentials",
		}
	}
	switch format {
	case "policy":
		d := policies(w)
		text, err := object{{"trust", d.Trust}, {"role", d.Role}, {"caller", d.Caller}, {"bucket", d.Bucket}}.text()
		return text + "\n", err
	case "cli":
		return script(w, remark)
	case "terraform":
		return terraform(w, remark), nil
	case "cloudformation":
		return cloudFormation(w, remark), nil
	}
	return "", &quarry.Error{
		Kind: quarry.BadUsage, Op: "print", Subject: format, Err: errors.New("not a format"),
		Hint: "take one of " + strings.Join(Formats(), ", "),
	}
}

// comment writes lines after a #.
func comment(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		for one := range strings.SplitSeq(l, "\n") {
			if one != "" {
				fmt.Fprintln(&b, "# "+one)
			}
		}
	}
	return b.String()
}

// CallerPolicyName is what the printed forms call the policy of the users that run quarry.
const CallerPolicyName = "quarry-caller"

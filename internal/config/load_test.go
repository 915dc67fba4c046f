package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"quarry"
	"quarry/internal/config"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsOutweighVariablesOutweighTheFile(t *testing.T) {
	t.Parallel()
	path := write(t, "quarry.yaml", "mode: flex\nmodel: file\nrole: file\n")
	env := map[string]string{"QUARRY_MODEL": "variable", "QUARRY_ROLE": "variable", "QUARRY_BUCKET": ""}
	got, err := config.Load(config.Input{
		File: path, Flags: map[string][]string{"role": {"flag"}},
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode != "flex" || got.Model != "variable" || got.Role != "flag" || got.Target != "local" {
		t.Errorf("mode %q, model %q, role %q, target %q", got.Mode, got.Model, got.Role, got.Target)
	}
	want := map[string]string{"mode": path + ":1", "model": "QUARRY_MODEL", "role": "flag --role", "target": "default", "bucket": "default"}
	for name, origin := range want {
		if got.Origin[name] != origin {
			t.Errorf("%s comes from %q, want %q", name, got.Origin[name], origin)
		}
	}
}

func TestFilesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"an unknown setting":                {"mode: flex\nmodle: x\n", `:2: unknown setting "modle"`},
		"an unknown setting of the prompt":  {"prompt:\n  sytem: x\n", `:2: unknown setting "sytem" in prompt`},
		"a value outside of its set":        {"target: moon\n", `"moon" is not one of local, aws`},
		"a list for one value":              {"model: []\n", "model: want one plain value"},
		"a mapping for one value":           {"model: {a: b}\n", "model: want one plain value"},
		"a mapping inside of a mapping":     {"tag: {a: {b: c}}\n", "tag: want a mapping of plain values"},
		"a list inside of a list":           {"region: [[a]]\n", "region: want a list of plain values"},
		"a prompt of one word":              {"prompt: hello\n", "prompt: not a mapping"},
		"no mapping at all":                 {"- a\n", "not a mapping of settings"},
		"broken YAML":                       {"a: [\n", "yaml"},
		"a schema that is not there":        {"prompt: {schema: none.json}\n", "none.json"},
		"a schema that is no JSON":          {"prompt: {schema: '{a'}\n", "schema: not valid JSON"},
		"a schema that goes in circles":     {"prompt:\n  schema: &a\n    x: *a\n", ""},
		"money that is a word":              {"max_usd: much\n", "much"},
		"hexadecimal money":                 {"max_usd: 0x10\n", `"0x10" is not an amount`},
		"money with underscores":            {"max_usd: 1_0\n", `"1_0" is not an amount`},
		"a share that is no number":         {"near_threshold: nan\n", `"nan" is not a number`},
		"a word that is neither yes nor no": {"yes: maybe\n", `"maybe" is not true or false`},
		"a second document":                 {"---\npilot: 3\n---\nmax_usd: 1\n", ":3: a second YAML document"},
		"a second document after none":      {"---\n---\nmax_usd: 1\n", ":2: a second YAML document"},
		"a second document that is broken":  {"pilot: 3\n---\n: [\n", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(config.Input{File: write(t, "quarry.yaml", tt.text)})
			var q *quarry.Error
			if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load: %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

func TestAnEmptyAmountIsAnError(t *testing.T) {
	t.Parallel()
	for _, s := range config.All() {
		given := func(in config.Input) error {
			_, err := config.Load(in)
			return err
		}
		flag := given(config.Input{Flags: map[string][]string{s.Name: {""}}})
		file := given(config.Input{File: write(t, "quarry.yaml", "\n"+s.Key()+": \"\"\n")})
		variable := given(config.Input{Env: func(name string) (string, bool) { return "", name == s.Env() }})
		switch s.Name {
		case "dir", "model", "target", "mode", "yes":
			if flag == nil || file == nil || variable != nil {
				t.Errorf("%s: flag: %v, file: %v, variable: %v; want errors for the first two", s.Name, flag, file, variable)
			}
		case "max-usd", "by", "pilot", "limit", "max-chars", "near-threshold", "backend-wait", "job-timeout", "max-item-mib":
			for _, err := range []error{flag, file, variable} {
				var q *quarry.Error
				if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "is empty: give") {
					t.Errorf("%s: %v, want a usage error that says it is empty", s.Name, err)
				}
			}
		case "bucket", "profile", "query":
			if err := errors.Join(flag, file, variable); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
}

func TestOneDocumentMayHaveItsMarks(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"---\npilot: 3\n", "# settings\n---\npilot: 3\n...\n# the end\n"} {
		got, err := config.Load(config.Input{File: write(t, "quarry.yaml", text)})
		if err != nil || got.Pilot != 3 {
			t.Errorf("Load(%q): %v", text, err)
		}
	}
}

func TestNamesWithoutValuesSetNothing(t *testing.T) {
	t.Parallel()
	got, err := config.Load(config.Input{File: write(t, "quarry.yaml", "tag:\nfield:\nrole:\nmax_usd:\nregion:\nprompt:\n#  system: x\nclean:\n")})
	if err != nil {
		t.Fatal(err)
	}
	if got.Role != "quarry-batch" || len(got.Tags)+len(got.Fields)+len(got.Regions) > 0 || got.MaxUSD != nil {
		t.Errorf("settings %+v", got.Settings)
	}
}

func TestSchemaKeepsItsOrder(t *testing.T) {
	t.Parallel()
	const want = config.Schema(`{"type":"object","properties":{"z":{"type":["string","null"]},"a":{"maxLength":3,"type":"string"}},"required":["z"],"additionalProperties":false}`)
	file := write(t, "schema.json", string(want))
	for name, text := range map[string]string{
		"as YAML": "prompt:\n  schema:\n    type: object\n    properties:\n      z: {type: [string, 'null']}\n      a: {maxLength: 3, type: string}\n    required: [z]\n    additionalProperties: false\n",
		"as JSON": "prompt:\n  schema:\n    " + string(want) + "\n",
		"as text": "prompt:\n  schema: |\n    " + string(want) + "\n",
		"by name": "prompt:\n  schema: " + file + "\n",
	} {
		got, err := config.Load(config.Input{File: write(t, "quarry.yaml", text)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Prompt.Schema != want {
			t.Errorf("%s: schema %s, want %s", name, got.Prompt.Schema, want)
		}
	}
}

func TestWhatIsPrintedCanBeReadAgain(t *testing.T) {
	t.Parallel()
	first, err := config.Load(config.Input{File: write(t, "quarry.yaml", `
mode: flex
max_usd: 12.345678
region: [eu-west-1, us-east-1]
where: ["a=b,c", "d=#e"]
tag: {team: "a, b", x: y=z}
field: {body: fields.body.en-US}
rescue: true
prompt:
  system: "two\n\nparts: {{.Title}} # no comment"
  temperature: 0
  stop_sequences: ["END"]
  schema: {type: object, properties: {b: {type: string}, a: {type: "null"}}}
clean: {code: head, shortcodes: [x]}
`)})
	if err != nil {
		t.Fatal(err)
	}
	printed, err := first.Print()
	if err != nil {
		t.Fatal(err)
	}
	again, err := config.Load(config.Input{File: write(t, "printed.yaml", printed)})
	if err != nil {
		t.Fatalf("%v in\n%s", err, printed)
	}
	if diff := cmp.Diff(first.Settings, again.Settings, cmp.Comparer(func(a, b quarry.USD) bool { return a == b }), cmpopts.IgnoreFields(config.Prompt{}, "SchemaAt"), cmpopts.IgnoreFields(config.Settings{}, "CleanAt")); diff != "" {
		t.Errorf("printed and read again (-first +again):\n%s\n%s", diff, printed)
	}
}

// The example names every setting, as `quarry init` does, and holds what it says.
func TestTheExampleIsWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "examples", "quarry.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range config.All() {
		if !regexp.MustCompile(`(?m)^# ` + regexp.QuoteMeta(s.Help) + `\n#?` + s.Key() + `:`).Match(b) {
			t.Errorf("examples/quarry.yaml lacks what `quarry init` writes:\n# %s\n#%s: %s", s.Help, s.Key(), s.Default)
		}
	}
	got, err := config.Load(config.Input{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if got.Pilot != 20 || got.Tags["project"] != "articles" || got.Prompt.MaxTokens != 1024 || got.Clean["code"] != "head" {
		t.Errorf("settings %+v", got.Settings)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("mode: flex\ntag: {a: b}\nprompt: {schema: {type: object}}\nclean: {code: head}\n")
	f.Add("prompt:\n  schema: &a {x: *a}\n")
	f.Add("? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "quarry.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := config.Load(config.Input{File: path})
		if err != nil {
			return
		}
		if _, err := got.Print(); err != nil {
			t.Errorf("Print: %v", err)
		}
	})
}

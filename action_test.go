package quarry_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// action is a JavaScript action's metadata, as
// https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax has it.
type action struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Author      string `yaml:"author"`
	Branding    struct {
		Icon  string `yaml:"icon"`
		Color string `yaml:"color"`
	} `yaml:"branding"`
	Inputs map[string]struct {
		Description string  `yaml:"description"`
		Required    bool    `yaml:"required"`
		Default     *string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Description string `yaml:"description"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Main  string `yaml:"main"`
		Post  string `yaml:"post"`
	} `yaml:"runs"`
}

func TestTheActionIsWhatGitHubReads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	colors := []string{"white", "black", "yellow", "blue", "green", "orange", "red", "purple", "gray-dark"}
	if a.Name == "" || a.Description == "" || !slices.Contains(colors, a.Branding.Color) || a.Branding.Icon == "" {
		t.Errorf("name %q, description %q, branding %v", a.Name, a.Description, a.Branding)
	}
	if !regexp.MustCompile(`^node(20|24)$`).MatchString(a.Runs.Using) {
		t.Errorf("runs.using is %q", a.Runs.Using)
	}
	var code strings.Builder
	for _, file := range []string{a.Runs.Main, a.Runs.Post} {
		b, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		code.Write(b)
	}
	for name, in := range a.Inputs {
		if in.Description == "" || !in.Required && in.Default == nil {
			t.Errorf("input %s has no description, or neither a default nor required", name)
		}
		if !strings.Contains(code.String(), "'"+name+"'") {
			t.Errorf("no step reads the input %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`input\('([^']*)'\)`).FindAllStringSubmatch(code.String(), -1) {
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("a step reads the input %s, which action.yml does not have; it has %v", m[1], slices.Sorted(maps.Keys(a.Inputs)))
		}
	}
	for name, out := range a.Outputs {
		if out.Description == "" || !strings.Contains(code.String(), fmt.Sprintf("write('GITHUB_OUTPUT', '%s'", name)) {
			t.Errorf("output %s has no description, or no step writes it", name)
		}
	}
}

// The pages about tests show pieces of the examples that the gate runs.
func TestPagesAboutTestsShowTheExamples(t *testing.T) {
	t.Parallel()
	for page, folder := range map[string]string{"testing-python.md": "python", "testing-javascript.md": "javascript", "testing-go.md": "go"} {
		text, err := os.ReadFile(filepath.Join("docs", page))
		if err != nil {
			t.Fatal(err)
		}
		var code strings.Builder
		files, err := os.ReadDir(filepath.Join("examples", "testing", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file.Type().IsRegular() {
				b, err := os.ReadFile(filepath.Join("examples", "testing", folder, file.Name()))
				if err != nil {
					t.Fatal(err)
				}
				code.Write(b)
			}
		}
		blocks := regexp.MustCompile("(?s)```[a-z]+\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		if len(blocks) < 3 {
			t.Errorf("%s has %d blocks of code", page, len(blocks))
		}
		for _, b := range blocks {
			if !strings.Contains(code.String(), strings.TrimSpace(b[1])) {
				t.Errorf("%s: no file in examples/testing/%s has this:\n%s", page, folder, b[1])
			}
		}
	}
}

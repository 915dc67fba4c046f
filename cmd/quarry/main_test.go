package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"quarry/internal/standin"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) {
	testscript.Main(inMemory{m}, map[string]func(){
		"quarry":    func() { os.Exit(run()) },
		"strip":     stripMain,
		"articles":  articlesMain,
		"uncomment": uncommentMain,
		"near":      nearMain,
		"sql":       sqlMain,
		"logged":    loggedMain,
		"reviewer":  reviewerMain,
	})
}

// inMemory runs the tests with their files in memory. The commands are set up before, as links to the test binary: in another file system each of
// them would be a copy of 50 MB.
type inMemory struct{ *testing.M }

func (m inMemory) Run() int {
	testdata.InMemory()
	return m.M.Run()
}

// TestScripts runs the real program. Each script is named after what it shows, or after what once went wrong.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scripts(t, "testdata/script"))
}

// scripts are those of a folder.
func scripts(t *testing.T, folder string) testscript.Params {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 folder,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir)
			// Hundreds of short commands, whose memory is not what is tested: to collect garbage takes a fifth of their CPU.
			env.Setenv("GOGC", "off")
			env.Setenv("GOMEMLIMIT", "400MiB")
			readme, err := filepath.Abs("../../README.md")
			if err != nil {
				return err
			}
			env.Setenv("README", readme)
			env.Setenv("EXAMPLES", examples)
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "tmpfs" {
				return canMount(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"standin":    startStandin,
			"rc":         exitCodeIs,
			"readme":     runReadme,
			"operator":   becomeOperator,
			"documented": documented,
			"runid":      setRunID,
			"jobarn":     setJobARN,
			"site":       startSite,
			"backend":    startBackend,
			"browse":     browse,
			"texts":      writeTexts,
			"put":        putObjects,

			"until":        untilSaid,
			"advance":      posts("/_quarry/clock", "advance"),
			"wind":         wind,
			"fault":        posts("/_quarry/faults", "faults"),
			"rights":       rights,
			"rolepolicy":   rolePolicy,
			"removebucket": removeBucket,
			"paidonce":     paidOnce,
			"smalldisk":    smallDisk,
			"fixture":      copyFixture,
			"setfact":      setFact,
		},
	}
}

// startStandin serves a stand-in for the rest of the script and sets the variables that AWS clients read:
// standin [-fault k=v,…] [-quotas FILE] [-delay D]. With a long delay jobs stay where they are until the script moves the clock. It logs
// to standin.log.
func startStandin(ts *testscript.TestScript, neg bool, args []string) {
	cfg := standin.Config{Dir: ts.MkAbs("standin"), NoSync: true, StateDelay: time.Millisecond, TestClock: true}
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "-fault":
			cfg.Fault = args[i+1]
		case "-delay":
			d, err := time.ParseDuration(args[i+1])
			ts.Check(err)
			cfg.StateDelay = d
		case "-quotas":
			cfg.QuotasFile = ts.MkAbs(args[i+1])
		default:
			ts.Fatalf("unknown option %s", args[i])
		}
	}
	log, err := os.Create(ts.MkAbs("standin.log"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(log.Close()) })
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	server, err := standin.Start(context.Background(), cfg)
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close(context.Background())) })
	id, secret := server.Keys()
	ts.Setenv("AWS_ENDPOINT_URL", server.URL())
	ts.Setenv("AWS_ACCESS_KEY_ID", id)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	ts.Setenv("AWS_REGION", "us-west-2")
	ts.Setenv("ADMIN_ID", id)
	ts.Setenv("ADMIN_SECRET", secret)
}

// runReadme runs the quarry commands that the README shows below a heading, as they are: readme HEADING. The stand-in
// is the script's own.
func runReadme(ts *testscript.TestScript, neg bool, args []string) {
	text, err := os.ReadFile(ts.Getenv("README"))
	ts.Check(err)
	_, section, _ := strings.Cut(string(text), "\n## "+args[0]+"\n")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, ok := strings.Cut(block, "```")
	if neg || !ok {
		ts.Fatalf("README has no commands below %q", args[0])
	}
	ran := 0
	for line := range strings.Lines(block) {
		command, _, _ := strings.Cut(line, " #")
		words := strings.Fields(command)
		if len(words) < 2 || words[0] != "quarry" || words[1] == "local" {
			continue
		}
		if err := ts.Exec(words[0], words[1:]...); err != nil {
			ts.Fatalf("README: %s: %v", command, err)
		}
		ran++
	}
	if ran == 0 {
		ts.Fatalf("README shows no quarry command below %q", args[0])
	}
}

// exitCodeIs runs a command and wants its exit code: rc 3 quarry run …
func exitCodeIs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: rc CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	var exit interface{ ExitCode() int }
	if err != nil {
		var ok bool
		if exit, ok = err.(interface{ ExitCode() int }); !ok {
			ts.Fatalf("%v", err)
		}
		code = itoa(exit.ExitCode())
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// documented wants every field of the JSON on stdout to be in the section of docs/cli-json.md on a command: documented COMMAND.
func documented(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: documented COMMAND")
	}
	page, err := os.ReadFile(filepath.Join(ts.Getenv("EXAMPLES"), "..", "docs", "cli-json.md"))
	ts.Check(err)
	said := ""
	for section := range strings.SplitSeq(string(page), "\n## ") {
		name, text, _ := strings.Cut(section, "\n")
		if name == "Shared" || name == "quarry "+args[0] || args[0] == "report" && name == "quarry run" || args[0] == "watch" && name == "quarry status" {
			said += text
		}
	}
	var fields func(v any)
	fields = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				fields(item)
			}
		case map[string]any:
			for name, value := range v {
				if !strings.Contains(said, "`"+name+"`") {
					ts.Fatalf("docs/cli-json.md does not tell of the field %q of quarry %s", name, args[0])
				}
				switch name {
				case "errors", "classes", "dropped", "output", "settings", "origin", "model_input", "schema": // their members are data
				default:
					fields(value)
				}
			}
		}
	}
	in := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	n := 0
	for ; in.More(); n++ {
		var v any
		ts.Check(in.Decode(&v))
		fields(v)
	}
	if n == 0 {
		ts.Fatalf("quarry %s printed no JSON", args[0])
	}
}

func itoa(n int) string {
	if n < 0 {
		return "killed"
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// stripMain copies results without what differs between two providers: strip FROM TO.
func stripMain() {
	in, err := os.ReadFile(os.Args[1])
	if err == nil {
		in = regexp.MustCompile(`"(job|cost_usd)":("[^"]*"|[0-9.]+),`).ReplaceAll(in, nil)
		err = os.WriteFile(os.Args[2], in, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// uncommentMain takes the # from every setting of a file that init wrote: uncomment FROM TO.
func uncommentMain() {
	in, err := os.ReadFile(os.Args[1])
	if err == nil {
		in = regexp.MustCompile(`(?m)^#([a-z_]+:|  |$)`).ReplaceAll(in, []byte("$1"))
		err = os.WriteFile(os.Args[2], in, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// articlesMain writes short articles as JSONL: articles N TO.
func articlesMain() {
	var n int
	if _, err := fmt.Sscan(os.Args[1], &n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"doc-%05d","title":"Article %d","content":"<p>Number %d tells how a quarry works. Stone is cut from the face of a hill. Blocks number %d go down to the valley by rail, and masons take them there.</p>"}`+"\n", i, i, i, i)
	}
	if err := os.WriteFile(os.Args[2], []byte(b.String()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

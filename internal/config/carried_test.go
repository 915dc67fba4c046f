package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quarry/internal/config"
)

const all = `
model: amazon.nova-lite-v1:0
models: [amazon.nova-pro-v1:0]
quotas: {min_records: 1}
mode: auto
pilot: 7
attempts: 2
limit: 9
long: merge
max_chars: off
max_usd: 3.50
by: 6h
near_duplicates: true
near_threshold: 0.9
below_minimum: hold
as: page
field: {body: a.b}
where: ["x=1,2"]
keep_shards: true
bucket: mine
role: other
kms_key: k
tag: {team: a}
prices: p.json
profile: p
source_key_env: SECRET
prompt:
  user: "Sum up {{.Text}}"
  temperature: 0.5
  schema: {type: object, properties: {b: {type: string}, a: {type: string}}}
clean: {code: drop}
`

func load(t *testing.T, text string, flags map[string][]string) *config.Loaded {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quarry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(config.Input{File: path, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAnotherProcessHasTheSettingsOfTheRun continues with what the first process wrote, and with nothing that belongs to its machine.
func TestAnotherProcessHasTheSettingsOfTheRun(t *testing.T) {
	t.Parallel()
	first := load(t, all, nil)
	text, err := first.Carried()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"SECRET", "p.json", "mine", "kms", "team", "profile", "role"} {
		if strings.Contains(text, secret) {
			t.Errorf("what is carried has %q:\n%s", secret, text)
		}
	}
	second := load(t, "bucket: mine\nrole: other\nkms_key: k\ntag: {team: a}\nattempts: 9\nprompt: {user: mine}", nil)
	if err := second.Carry(text); err != nil {
		t.Fatal(err)
	}
	want := first.Settings
	want.Prices, want.Profile, want.SourceKey = "", "", ""
	got := second.Settings
	for _, s := range []*config.Settings{&want, &got} {
		s.CleanAt, s.Prompt.SchemaAt = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the other process has\n%+v\nwant\n%+v", got, want)
	}
	if err := second.SameOwn(first.Own()); err != nil {
		t.Error(err)
	}
	none, err := load(t, "", nil).Carried()
	if err != nil {
		t.Fatal(err)
	}
	plain, defaults := load(t, "", nil), load(t, "", nil)
	if err := plain.Carry(none); err != nil || plain.Fields != nil {
		t.Fatal(plain.Fields, err)
	}
	plain.Prompt.SchemaAt, defaults.Prompt.SchemaAt = nil, nil
	if !reflect.DeepEqual(plain.Settings, defaults.Settings) {
		t.Errorf("defaults became\n%+v\nwant\n%+v", plain.Settings, defaults.Settings)
	}
}

func TestAFlagGoesBeforeWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	l := load(t, "", map[string][]string{"max-usd": {"1"}})
	if err := l.Carry("max_usd: 100\nattempts: 3"); err != nil || l.MaxUSD.String() != "$1.00" || l.Attempts != 3 {
		t.Errorf("cap %s, %d attempts, %v; want the cap of the flag", l.MaxUSD, l.Attempts, err)
	}
}

func TestOtherPlacesThanTheRunsAreRefused(t *testing.T) {
	t.Parallel()
	first := load(t, "kms_key: k", nil)
	for _, text := range []string{"", "kms_key: other", "kms_key: k\nbucket: b", "kms_key: k\nmodel: arn:aws:bedrock:x"} {
		if err := load(t, text, nil).SameOwn(first.Own()); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

package spec_test

import (
	"testing"
	"time"

	"quarry"
	"quarry/internal/run/cut"
	"quarry/internal/run/spec"
)

func TestWhatIsNotSaidHasADefault(t *testing.T) {
	t.Parallel()
	var c spec.Config
	c.Complete()
	if c.Pilot != 100 || c.PilotMinValid != 0.7 || c.Attempts != 4 || c.Workers != 2 || c.Concurrency != 512 || c.ListLag != 10*time.Second {
		t.Errorf("Complete() = %+v", c)
	}
	local := spec.Config{Place: spec.Place{Local: true}, Gate: spec.Gate{NoGate: true, Pilot: 5}, Asked: spec.Asked{Attempts: 1}}
	local.Complete()
	if local.Pilot != 5 || local.PilotMinValid != 0 || local.Attempts != 1 || local.Concurrency != 64 {
		t.Errorf("Complete() = %+v", local)
	}
}

func TestWhatBecomesOfTooFewRecords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		said  cut.BelowMinimum
		local bool
		mode  quarry.Mode
		pass  int
		want  cut.BelowMinimum
	}{
		"a first pass stops":           {"", false, quarry.ModeJob, 1, cut.Stop},
		"a later pass holds them":      {"", false, quarry.ModeJob, 2, cut.Hold},
		"a stand-in answers them":      {"", true, quarry.ModeJob, 1, cut.OnDemand},
		"mode auto may call":           {"", false, quarry.ModeAuto, 2, cut.OnDemand},
		"what is said comes first":     {cut.Hold, true, quarry.ModeAuto, 1, cut.Hold},
		"also where it was not needed": {cut.Stop, false, quarry.ModeJob, 2, cut.Stop},
	} {
		c := spec.Config{Asked: spec.Asked{Mode: tt.mode}, Place: spec.Place{Local: tt.local}, Limits: spec.Limits{BelowMinimum: tt.said}}
		if got := c.Bounds(tt.pass).Below; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestAPilotOfJobsHasAJobsMinimum(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode quarry.Mode
		no   bool
		want int
	}{{quarry.ModeJob, false, 30}, {quarry.ModeAuto, false, 30}, {quarry.ModeOnDemand, false, 5}, {quarry.ModeJob, true, 0}} {
		c := spec.Config{
			Asked: spec.Asked{Mode: tt.mode}, Gate: spec.Gate{Pilot: 5, NoPilot: tt.no}, Place: spec.Place{Quotas: quarry.Quotas{MinRecords: 30}},
		}
		if got := c.Planner(1, nil).Pilot; got != tt.want {
			t.Errorf("a pilot in mode %s, none %t: %d documents, want %d", tt.mode, tt.no, got, tt.want)
		}
		c.Review = true // what calls send is no more than was asked for; a job's minimum waits until it is a job
		if got, job := c.Planner(1, nil).Pilot, c.Terms(1).JobPilot; got != min(tt.want, 5) || job != 30 {
			t.Errorf("a pilot to be approved in mode %s, none %t: %d documents, %d as a job", tt.mode, tt.no, got, job)
		}
	}
}

// A plan is made again if a flag that decides it changed, and only then.
func TestThePlansFlagsAreItsOwn(t *testing.T) {
	t.Parallel()
	base := spec.Config{Place: spec.Place{Sources: []string{"a"}}, Gate: spec.Gate{Pilot: 5}}
	flags := func(change func(*spec.Config)) string {
		t.Helper()
		c := base
		change(&c)
		text, err := c.PlanFlags(false, nil)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	was := flags(func(*spec.Config) {})
	for name, change := range map[string]func(*spec.Config){
		"limit":    func(c *spec.Config) { c.Limit = 1 },
		"pilot":    func(c *spec.Config) { c.Pilot = 6 },
		"sources":  func(c *spec.Config) { c.Sources = []string{"b"} },
		"attempts": func(c *spec.Config) { c.Attempts = 2 },
		"quotas":   func(c *spec.Config) { c.Quotas.MinRecords = 2 },
	} {
		if flags(change) == was {
			t.Errorf("another %s leaves the plan as it is", name)
		}
	}
	for name, change := range map[string]func(*spec.Config){
		"workers": func(c *spec.Config) { c.Workers = 9 },
		"gate":    func(c *spec.Config) { c.PilotMinValid = 0.9 },
		"poll":    func(c *spec.Config) { c.Poll = time.Hour },
	} {
		if flags(change) != was {
			t.Errorf("another %s makes another plan", name)
		}
	}
}

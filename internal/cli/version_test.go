package cli

import (
	"runtime/debug"
	"testing"
)

func TestBuildIsWhatTheLinkerOrGoSays(t *testing.T) {
	t.Parallel()
	checkout := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-30T20:00:00Z"}}
	for name, tt := range map[string]struct {
		given Build
		info  debug.BuildInfo
		want  Build
	}{
		"a release":            {Build{"0.1.0", "def", "2026-12-01T00:00:00Z"}, debug.BuildInfo{Settings: checkout}, Build{"0.1.0", "def", "2026-12-01T00:00:00Z"}},
		"a build in a clone":   {Build{}, debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: checkout}, Build{"", "abc", "2026-11-30T20:00:00Z"}},
		"installed by version": {Build{}, debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}, Build{Version: "0.1.0"}},
		"a version alone":      {Build{Version: "0.2.0"}, debug.BuildInfo{Settings: checkout}, Build{"0.2.0", "abc", "2026-11-30T20:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.given.or(recorded(&tt.info)); got != tt.want {
				t.Errorf("have %+v, want %+v", got, tt.want)
			}
		})
	}
	if Linked(Build{}).Version == "" {
		t.Error("a program without any record of its build has no version")
	}
}

package compose

import (
	"errors"
	"strings"

	"quarry"
	"quarry/internal/config"
)

// BadSetting is an error of the kind quarry.BadUsage that names a setting. The hint says how that setting is set.
func BadSetting(name string, err error) error {
	if q, ok := errors.AsType[*quarry.Error](err); ok {
		return q // it says more than the name
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "use setting", Subject: name, Err: err, Hint: settingHint(name)}
}

// settingHint says what a setting takes and where it is set: a flag with its help, or a part of quarry.yaml.
func settingHint(name string) string {
	for _, s := range config.All() {
		if s.Name == name {
			return "--" + name + ", or " + s.Key() + " in quarry.yaml: " + s.Help
		}
	}
	part, _, _ := strings.Cut(name, ".")
	return "correct " + name + " in quarry.yaml, or in the file of -c; `quarry init -c example.yaml` writes every setting of " + part + " with its meaning"
}

package validate

import (
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
)

// rulesFor decides by the configuration, and where that leaves something open by a first modelInput, what modelInputs are
// checked as.
func rulesFor(cfg Config, first []byte) *rules.Table {
	return rules.For(rules.Config{Model: cfg.Model, Type: cfg.Type, Job: !cfg.Calls}, first)
}

// Body says what is wrong with one modelInput for the model of the configuration, or nothing.
func Body(cfg Config, modelInput []byte) string {
	var c jsonl.Checker
	if _, err := c.Object(modelInput); err != nil {
		return "modelInput: " + err.Error()
	}
	if f, found := rulesFor(cfg, modelInput).First(&c, modelInput); found {
		return reason(f)
	}
	return ""
}

func reason(f rules.Finding) string { return "modelInput: " + f.Text() }

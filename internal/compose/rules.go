package compose

import (
	"errors"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
	"quarry/internal/config"
	"quarry/internal/prepare/prompt"
)

// settingOf names the setting that makes a member of a body, by the member's last name.
var settingOf = map[string]string{
	"temperature": "prompt.temperature", "top_p": "prompt.top_p", "topP": "prompt.top_p",
	"max_tokens": "prompt.max_tokens", "maxTokens": "prompt.max_tokens", "max_gen_len": "prompt.max_tokens",
	"stop_sequences": "prompt.stop_sequences", "stopSequences": "prompt.stop_sequences", "stop": "prompt.stop_sequences",
	"output_config": "prompt.schema", "outputConfig": "prompt.schema", "response_format": "prompt.schema", "thinking": "prompt.thinking",
}

// accepted holds what would be sent against the rules of the model, before anything is sent or written. The error is of
// the kind quarry.BadUsage and names the setting, what the provider would say, and the way out.
func accepted(s *config.Settings, model catalog.Model, r *prompt.Renderer) error {
	var faults []error
	var hint string
	fault := func(setting, reason, fix string) {
		faults = append(faults, fmt.Errorf("%s: %s", setting, reason))
		if hint == "" && fix != "" {
			hint = "in the prompt settings, " + fix
		}
	}
	for _, given := range []struct {
		value *float64
		field catalog.Field
		taken float64 // the model's default, which may be set
	}{{s.Prompt.Temperature, catalog.Temperature, 1}, {s.Prompt.TopP, catalog.TopP, 0.99}} {
		if given.value != nil && *given.value != given.taken && model.Takes(given.field) == catalog.No {
			fault("prompt."+string(given.field), fmt.Sprintf("`%s` is deprecated for this model.", given.field),
				fmt.Sprintf("remove %s: %s takes none", given.field, model.Name))
		}
	}
	sample := r.Sample()
	var c jsonl.Checker
	if _, err := c.Object(sample); err != nil {
		return fmt.Errorf("check the request body: %w", err)
	}
	job := s.Mode != string(quarry.ModeOnDemand) && s.Mode != string(quarry.ModeFlex)
	rules.For(rules.Config{Model: s.Model, Type: r.Invocation(), Job: job}, sample).Check(&c, sample, func(f rules.Finding) {
		if !f.Warning {
			fault(settingFor(f.Field), f.Reason, f.Fix)
		}
	})
	if len(faults) == 0 {
		return nil
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "ask model", Subject: s.Model, Err: errors.Join(faults...), Hint: hint}
}

// settingFor names the setting that makes a member, or the member where no setting makes it.
func settingFor(field string) string {
	names := strings.Split(field, ".")
	for i := len(names) - 1; i >= 0; i-- {
		if setting, ok := settingOf[names[i]]; ok {
			return setting
		}
	}
	return "modelInput." + field
}

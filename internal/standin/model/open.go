package model

import (
	"fmt"
	"strings"
)

// Config is how models are opened. The zero value serves the models that need no server.
type Config struct{}

// Open makes the model that the specs name: extractive (also for no spec) or echo.
func Open(specs []string, _ Config) (Model, error) {
	if len(specs) > 1 {
		return nil, fmt.Errorf("open back ends %s: only one may be given", strings.Join(specs, ", "))
	}
	name := "extractive"
	if len(specs) == 1 {
		name = specs[0]
	}
	switch name {
	case "extractive":
		return local{id: ExtractiveID, write: extract}, nil
	case "echo":
		return local{id: EchoID, write: echo}, nil
	}
	return nil, fmt.Errorf("open back end %q: want extractive or echo", name)
}

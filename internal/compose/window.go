package compose

import (
	"context"

	"quarry/internal/config"
	"quarry/internal/run/forecast"
	"quarry/internal/standin"
)

// Window reads from the back end of the settings how many tokens it accepts. It is the zero Window, without a request, where none is set
// or the target is AWS. If the server does not answer, a note says why and nothing stops: a plan can be made for a server that is not
// there yet.
func (pr *Program) Window(ctx context.Context, s *config.Settings) (forecast.Window, error) {
	if s.Target != "local" {
		return forecast.Window{}, nil
	}
	cfg, err := pr.standinConfig(s, s.Dir)
	if err != nil {
		return forecast.Window{}, err
	}
	room, err := standin.BackendRoom(ctx, cfg, s.Model)
	if err != nil {
		if ctx.Err() != nil {
			return forecast.Window{}, context.Cause(ctx)
		}
		pr.Say("note: it is not known which texts fit the back end's context: %v", err)
	}
	return forecast.Window{
		Tokens: room.Tokens, Guess: room.Guess, WithAnswer: room.WithAnswer, Source: room.Source, Server: room.URL,
	}, nil
}

package standin

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/model/upstream"
)

// Room is how many tokens of a prompt a stand-in's model servers accept.
type Room = model.Room

// BackendRoom queries how many tokens the servers of cfg hold for a model id, without a stand-in. It is the zero Room where they do not
// say, and where no server is needed. The error says of the settings what is wrong, or why a server cannot be queried.
func BackendRoom(ctx context.Context, cfg Config, modelID string) (Room, error) {
	return model.RoomOf(ctx, cfg.Backends, model.Config{ModelName: cfg.BackendModel, Key: cfg.BackendKey}, modelID)
}

// checkBackends checks whether the servers answer, where that is wanted: an address that nothing answers at would fail every record of
// every job.
func checkBackends(ctx context.Context, cfg *Config, answers model.Model) error {
	remote, ok := answers.(interface {
		Probe(ctx context.Context, wait time.Duration) error
	})
	if !cfg.CheckBackends || !ok {
		return nil
	}
	err := remote.Probe(ctx, cfg.BackendWait)
	var down *upstream.DownError
	if !errors.As(err, &down) {
		return err
	}
	if down.Denied {
		return &quarry.Error{
			Kind: quarry.Denied, Op: "open back end", Subject: down.URL, Err: errors.New(down.Reason),
			Hint: "put the key into an environment variable and name it with --backend-key-env",
		}
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: "open back end", Subject: down.URL, Err: errors.New(down.Reason),
		Hint: "start the server or correct the URL (openai=http://HOST:PORT); to wait for a server that is starting: --backend-wait 5m",
	}
}

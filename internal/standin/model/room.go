package model

import (
	"context"

	"quarry/internal/standin/model/family"
	"quarry/internal/standin/model/upstream"
)

// Room is how many tokens of a prompt a server holds.
type Room = upstream.Room

// RoomOf queries how many tokens the servers that specs name hold for a model id. It is the zero Room where a server does not say, or
// where the model needs no server. The error is that of Open, or of a server that cannot be queried.
func RoomOf(ctx context.Context, specs []string, cfg Config, modelID string) (Room, error) {
	cfg.Attempts = 1
	m, err := Open(specs, cfg)
	if err != nil {
		return Room{}, err
	}
	remote, ok := m.(*remote)
	if !ok {
		return Room{}, nil
	}
	defer func() { _ = remote.Close() }()
	wanted, _ := family.BaseModel(modelID)
	return remote.pool.Room(ctx, cfg.ModelName, wanted)
}

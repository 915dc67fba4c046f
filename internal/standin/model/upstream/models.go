package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"quarry/internal/base/inflight"
)

// serves is the name that requests to a server give its model: the only one it lists, or the wanted one if that is among several. A server that lists
// nothing gets the wanted name.
func (p *Pool) serves(ctx context.Context, s *server, wanted string) (string, error) {
	names := s.models.Load()
	if names == nil {
		ctx = inflight.With(ctx, nil) // a list is no reply that is kept
		list, err := p.list(ctx, s)
		if err != nil {
			return "", err
		}
		names = &list
		s.models.Store(names)
	}
	switch {
	case len(*names) == 0, slices.Contains(*names, wanted):
		return wanted, nil
	case len(*names) == 1:
		return (*names)[0], nil
	}
	return "", &Error{
		Code: http.StatusBadRequest,
		Message: fmt.Sprintf("back end %s serves several models (%s): name one of them as the back end's model",
			s.base, strings.Join((*names)[:min(len(*names), 8)], ", ")),
	}
}

func (p *Pool) list(ctx context.Context, s *server) ([]string, error) {
	body, err := p.do(ctx, s, http.MethodGet, "/v1/models", nil)
	var refusal *Error
	if errors.As(err, &refusal) && (refusal.Code == http.StatusNotFound || refusal.Code == http.StatusMethodNotAllowed) {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	names := []string{}
	if json.Unmarshal(body, &list) == nil {
		for _, m := range list.Data {
			names = append(names, m.ID)
		}
	}
	return names, nil
}

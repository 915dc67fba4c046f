package worker

import (
	"net/http"
	"sync"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
	"quarry/internal/standin/model"
)

var checkers = sync.Pool{New: func() any { return new(jsonl.Checker) }}

// refusedBody is what the provider says of a body that it does not take, nil where it takes the body. What is not JSON is for
// the model's own reading to refuse.
func refusedBody(req model.Request) error {
	c := checkers.Get().(*jsonl.Checker)
	defer checkers.Put(c)
	if _, err := c.Object(req.Body); err != nil {
		return nil
	}
	t := quarry.InvokeModel
	if req.Converse {
		t = quarry.Converse
	}
	f, found := rules.For(rules.Config{Model: req.ModelID, Type: t, Job: req.Job}, req.Body).First(c, req.Body)
	if !found {
		return nil
	}
	return &model.Error{Code: http.StatusBadRequest, Message: f.Reason}
}

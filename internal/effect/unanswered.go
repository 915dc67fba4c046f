package effect

import (
	"errors"
	"net/url"
)

// unanswered is a request to which no answer came, in words for people: the SDK says it in five layers.
type unanswered struct {
	host string
	last error // what the network said
	err  error
}

func (u *unanswered) Error() string { return "no answer from " + u.host + ": " + u.last.Error() }
func (u *unanswered) Unwrap() error { return u.err }

// Unanswered shortens the error of a call that failed in the network to what a person can use; all others are given back as they are.
// What it wraps stays wrapped.
func Unanswered(err error) error {
	var sent *url.Error
	if !errors.As(err, &sent) {
		return err
	}
	to, bad := url.Parse(sent.URL)
	if bad != nil || to.Host == "" {
		return err
	}
	return &unanswered{host: to.Host, last: sent.Err, err: err}
}

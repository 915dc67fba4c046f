package effect

import (
	"errors"
	"net"
	"net/url"
	"os"
)

// unanswered is a request to which no answer came, in words for people: the SDK says it in five layers.
type unanswered struct {
	where string // scheme and host
	last  error  // what the network said
	err   error
}

func (u *unanswered) Error() string { return "no answer from " + u.where + ": " + u.last.Error() }
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
	last := sent.Err
	var dial *net.OpError
	if errors.As(last, &dial) && dial.Op == "dial" { // its address is that of the URL
		last = dial.Err
		var call *os.SyscallError
		if errors.As(last, &call) { // "connection refused", not "connect: connection refused"
			last = call.Err
		}
	}
	return &unanswered{where: to.Scheme + "://" + to.Host, last: last, err: err}
}

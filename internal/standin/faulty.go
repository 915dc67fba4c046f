package standin

import (
	"net/http"
	"strings"
	"sync/atomic"

	"quarry/internal/standin/faults"
	"quarry/internal/standin/protocol"
)

// faulty stands before the services and misbehaves on calls as it was told to.
type faulty struct {
	next   http.Handler
	faults faults.Set
	number atomic.Uint64 // of the last call
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := faults.RequestKey(f.number.Add(1))
	to := route(r)
	switch {
	case f.faults.Hits(faults.Throttle, key):
		to.protocol().WriteError(w, r, throttled(to))
	case f.faults.Hits(faults.ServerError, key):
		to.protocol().WriteError(w, r, broken(to))
	case to == serviceBedrock && strings.HasPrefix(r.URL.Path, "/model/") && f.faults.Hits(faults.NoCapacity, key):
		to.protocol().WriteError(w, r, full())
	case f.faults.Hits(faults.LostReply, key):
		f.next.ServeHTTP(&lost{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // net/http's way to end a connection, or an HTTP/2 stream, without an answer
	default:
		f.next.ServeHTTP(w, r)
	}
}

// lost is where a reply goes that its client will never see.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) WriteHeader(int)             {}
func (l *lost) Write(p []byte) (int, error) { return len(p), nil }

// throttled is each service's word for "too many calls".
func throttled(to service) *protocol.Error {
	switch to {
	case serviceS3:
		return refuse(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case serviceIAM, serviceSTS:
		return refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case serviceQuotas:
		return refuse(http.StatusBadRequest, "TooManyRequestsException", "Rate exceeded")
	default:
		return refuse(http.StatusTooManyRequests, "ThrottlingException", "Too many requests, please wait before trying again.")
	}
}

// full is what the runtime says when it has no capacity, which is not the account's quota
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html).
func full() *protocol.Error {
	return refuse(http.StatusServiceUnavailable, "ServiceUnavailableException", "The service is temporarily unable to handle the request. Please try again later.")
}

// broken is each service's word for a fault of its own.
func broken(to service) *protocol.Error {
	switch to {
	case serviceS3:
		return refuse(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.")
	case serviceIAM, serviceSTS:
		return refuse(http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure.")
	case serviceQuotas:
		return refuse(http.StatusInternalServerError, "ServiceException", "Something went wrong.")
	default:
		return refuse(http.StatusInternalServerError, "InternalServerException", "The server encountered an internal error. Please try again.")
	}
}

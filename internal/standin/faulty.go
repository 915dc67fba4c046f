package standin

import (
	"net/http"
	"strings"

	"quarry/internal/standin/faults"
	"quarry/internal/standin/protocol"
)

// callService serves an AWS call, with the faults that are set for calls.
func (s *Server) callService(w http.ResponseWriter, r *http.Request) {
	key := faults.RequestKey(s.calls.Add(1))
	to := route(r)
	set := s.Faults()
	switch {
	case set.Hits(faults.Unreachable, key):
		panic(http.ErrAbortHandler)
	case set.Hits(faults.ExpiredToken, key):
		to.protocol().WriteError(w, r, expired(to))
	case set.Hits(faults.Throttle, key):
		to.protocol().WriteError(w, r, throttled(to))
	case set.Hits(faults.ServerError, key):
		to.protocol().WriteError(w, r, broken(to))
	case to == serviceBedrock && strings.HasPrefix(r.URL.Path, "/model/") && set.Hits(faults.NoCapacity, key):
		to.protocol().WriteError(w, r, full())
	case set.Hits(faults.LostReply, key):
		s.state.serve(&lost{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // net/http's way to end a connection, or an HTTP/2 stream, without an answer
	default:
		s.state.serve(w, r)
	}
}

// lost is where a reply goes that its client will never see.
type lost struct{ header http.Header }

func (l *lost) Header() http.Header         { return l.header }
func (l *lost) WriteHeader(int)             {}
func (l *lost) Write(p []byte) (int, error) { return len(p), nil }

// expired is each service's word for a session that has ended: for S3
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, for the others
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html.
func expired(to service) *protocol.Error {
	switch to {
	case serviceS3:
		return refuse(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	case serviceIAM, serviceSTS:
		return refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	default:
		return refuse(http.StatusForbidden, "ExpiredTokenException", "The security token included in the request is expired")
	}
}

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

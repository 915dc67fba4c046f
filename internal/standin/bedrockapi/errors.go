package bedrockapi

import (
	"fmt"
	"net/http"

	"quarry/internal/standin/protocol"
)

// errorCode is an error's name in the service models.
type errorCode string

const (
	accessDenied       errorCode = "AccessDeniedException"
	conflict           errorCode = "ConflictException"
	internalServer     errorCode = "InternalServerException"
	modelError         errorCode = "ModelErrorException"
	modelStreamError   errorCode = "ModelStreamErrorException"
	modelTimeout       errorCode = "ModelTimeoutException"
	notFound           errorCode = "ResourceNotFoundException"
	quotaExceeded      errorCode = "ServiceQuotaExceededException"
	serviceUnavailable errorCode = "ServiceUnavailableException"
	serialization      errorCode = "SerializationException" // of the protocol, in no service model
	throttling         errorCode = "ThrottlingException"
	tooManyTags        errorCode = "TooManyTagsException"
	unknownOperation   errorCode = "UnknownOperationException" // of the protocol
	validation         errorCode = "ValidationException"
)

// status is the HTTP status that the service models give a code: most are 400, Conflict and ServiceQuotaExceeded too.
func (c errorCode) status() int {
	switch c {
	case accessDenied:
		return http.StatusForbidden
	case notFound, unknownOperation:
		return http.StatusNotFound
	case modelTimeout:
		return http.StatusRequestTimeout
	case modelError, modelStreamError:
		return http.StatusFailedDependency
	case throttling:
		return http.StatusTooManyRequests
	case internalServer:
		return http.StatusInternalServerError
	case serviceUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

func refuse(code errorCode, format string, args ...any) *protocol.Error {
	return &protocol.Error{Status: code.status(), Code: string(code), Message: fmt.Sprintf(format, args...)}
}

const messageInternal = "The system encountered an unexpected error during processing. Try your request again."

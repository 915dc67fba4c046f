// Package s3err names the errors of S3.
//
// It owns the codes, their HTTP statuses and their messages. It writes nothing to a client: package s3api does. Codes, statuses
// and messages are those of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and where that page has none,
// those that botocore's and the SDKs' users quote from S3.
package s3err

import "net/http"

// Code is an error code of S3, "NoSuchKey" for example.
type Code string

// Field is one more element of an error's XML, such as <Key>.
type Field struct{ Name, Value string }

// Error is a refusal in S3's words.
type Error struct {
	Code    Code
	Status  int // HTTP status
	Message string
	Fields  []Field
}

// Error gives code and message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is makes errors of the same code equal.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// New gives the error of a code with its usual message. A code that the table lacks is an internal error.
func New(code Code) *Error {
	d, ok := table[code]
	if !ok {
		return &Error{Code: InternalError, Status: http.StatusInternalServerError, Message: "no such error: " + string(code)}
	}
	return &Error{Code: code, Status: d.status, Message: d.message}
}

// Text gives the error of a code with another message.
func Text(code Code, message string) *Error {
	e := New(code)
	e.Message = message
	return e
}

// With adds an element to the error and returns it.
func (e *Error) With(name, value string) *Error {
	e.Fields = append(e.Fields, Field{name, value})
	return e
}

// NotImplemented names the header or parameter that is not served.
func NotImplemented(what, why string) *Error {
	message := "A header or parameter you provided implies functionality that is not implemented: " + what + "."
	if why != "" {
		message += " " + why
	}
	return Text(NotImplementedCode, message).With("Header", what)
}

// Argument is InvalidArgument for one parameter.
func Argument(message, name, value string) *Error {
	return Text(InvalidArgument, message).With("ArgumentName", name).With("ArgumentValue", value)
}

// Request is InvalidRequest with its reason.
func Request(message string) *Error { return Text(InvalidRequest, message) }

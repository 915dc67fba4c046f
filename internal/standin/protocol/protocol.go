// Package protocol writes errors in the forms that AWS's clients read.
//
// It owns the four wire forms the stand-in speaks (REST-JSON, JSON 1.1, query XML, S3 XML) and the request id. Which
// error it is, its status and its text are the caller's. The forms are those that botocore's and the Go SDK's parsers
// expect: https://github.com/boto/botocore/blob/develop/botocore/parsers.py and aws-sdk-go-v2's aws/protocol packages.
package protocol

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// Protocol is one wire form.
type Protocol int

// The forms, with the services that speak them.
const (
	RestJSON Protocol = iota // bedrock, bedrock-runtime
	JSON11                   // servicequotas
	Query                    // iam, sts
	S3
)

// requestIDHeader is what every service but S3 sends.
const requestIDHeader = "X-Amzn-Requestid"

// Begin gives the answer its request id, which every form repeats. It comes before anything is written.
func Begin(w http.ResponseWriter) {
	w.Header().Set(requestIDHeader, uuid.NewString())
}

// RequestID returns the id that Begin gave.
func RequestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// Error is a refusal in the words of an AWS service.
type Error struct {
	Status  int
	Code    string // as the service's model names it
	Message string
}

// Error gives code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// queryError is what IAM and STS send, with the namespace they share for errors left out as no client reads it.
type queryError struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Error   struct {
		Type, Code, Message string
	}
	RequestID string `xml:"RequestId"`
}

type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
}

// WriteError answers with e in the form of p.
func (p Protocol) WriteError(w http.ResponseWriter, r *http.Request, e *Error) {
	if RequestID(w) == "" {
		Begin(w)
	}
	var body []byte
	var err error
	contentType := "text/xml"
	switch p {
	case RestJSON:
		contentType = "application/json"
		// The real service sends the long form; clients cut it at the colon.
		w.Header().Set("X-Amzn-Errortype", e.Code+":http://internal.amazon.com/coral/com.amazon.bedrock/")
		body, err = json.Marshal(map[string]string{"message": e.Message})
	case JSON11:
		contentType = "application/x-amz-json-1.1"
		w.Header().Set("X-Amzn-Errortype", e.Code)
		body, err = json.Marshal(map[string]string{"__type": e.Code, "Message": e.Message})
	case S3:
		contentType = "application/xml"
		w.Header().Set("X-Amz-Request-Id", RequestID(w))
		body, err = xml.Marshal(s3Error{Code: e.Code, Message: e.Message, Resource: r.URL.Path, RequestID: RequestID(w)})
	default:
		out := queryError{RequestID: RequestID(w)}
		out.Error.Type, out.Error.Code, out.Error.Message = "Sender", e.Code, e.Message
		if e.Status >= http.StatusInternalServerError {
			out.Error.Type = "Receiver"
		}
		body, err = xml.Marshal(out)
	}
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if p == Query || p == S3 {
		body = append([]byte(xml.Header), body...)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error means that the client is gone
	}
}

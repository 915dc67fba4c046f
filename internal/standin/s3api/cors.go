package s3api

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
)

type corsXML struct {
	XMLName xml.Name   `xml:"CORSConfiguration"`
	Rules   []corsRule `xml:"CORSRule"`
}

type corsRule struct {
	Origins []string `xml:"AllowedOrigin"`
	Methods []string `xml:"AllowedMethod"`
	Headers []string `xml:"AllowedHeader"`
	Expose  []string `xml:"ExposeHeader"`
	MaxAge  int      `xml:"MaxAgeSeconds"`
}

// validCORS refuses what S3 does: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
func validCORS(doc []byte) error {
	var conf corsXML
	if xml.Unmarshal(doc, &conf) != nil || len(conf.Rules) == 0 || len(conf.Rules) > 100 {
		return malformedXML()
	}
	for _, r := range conf.Rules {
		if len(r.Origins) == 0 || len(r.Methods) == 0 {
			return malformedXML()
		}
		for _, m := range r.Methods {
			if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
				return s3err.Request("Found unsupported HTTP method in CORS config. Unsupported method is " + clip(m))
			}
		}
		for _, o := range slices.Concat(r.Origins, r.Headers) {
			if strings.Count(o, "*") > 1 {
				return s3err.Request(clip(o) + " can not have more than one wildcard.")
			}
		}
	}
	return nil
}

func wildcard(pattern, text string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

// corsRule finds the first rule that lets a page of this origin send such a request.
func (q *request) corsRule(origin, method string, headers []string) (*corsRule, bool) {
	doc, err := q.store.Document(q.ctx(), q.bucket, "cors")
	var conf corsXML
	if err != nil || len(doc) == 0 || xml.Unmarshal(doc, &conf) != nil {
		return nil, false
	}
	for i := range conf.Rules {
		r := &conf.Rules[i]
		allowed := func(header string) bool {
			return slices.ContainsFunc(r.Headers, func(p string) bool { return wildcard(strings.ToLower(p), strings.ToLower(header)) })
		}
		if slices.Contains(r.Methods, method) &&
			slices.ContainsFunc(r.Origins, func(p string) bool { return wildcard(p, origin) }) &&
			!slices.ContainsFunc(headers, func(h string) bool { return !allowed(h) }) {
			return r, true
		}
	}
	return nil, true
}

// allowOrigin adds what a browser looks for in the answer to a page's request.
func (q *request) allowOrigin() {
	origin := q.header("Origin")
	if origin == "" {
		return
	}
	if r, _ := q.corsRule(origin, q.r.Method, nil); r != nil {
		q.writeCORS(r, origin)
	}
}

func (q *request) writeCORS(r *corsRule, origin string) {
	if slices.Contains(r.Origins, "*") {
		q.set("Access-Control-Allow-Origin", "*")
	} else {
		q.set("Access-Control-Allow-Origin", origin)
		q.set("Access-Control-Allow-Credentials", "true")
	}
	q.set("Access-Control-Allow-Methods", strings.Join(r.Methods, ", "))
	q.set("Access-Control-Expose-Headers", strings.Join(r.Expose, ", "))
	if r.MaxAge > 0 {
		q.set("Access-Control-Max-Age", strconv.Itoa(r.MaxAge))
	}
	q.set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// preflight answers a browser's question whether a page may send a request. It is never signed and answers nothing else.
func (q *request) preflight() error {
	origin, method := q.header("Origin"), q.header("Access-Control-Request-Method")
	if origin == "" {
		return s3err.Text(s3err.BadRequest, "Insufficient information. Origin request header needed.")
	}
	if method == "" {
		return s3err.Text(s3err.BadRequest, "Invalid Access-Control-Request-Method: null")
	}
	var headers []string
	for h := range strings.SplitSeq(q.header("Access-Control-Request-Headers"), ",") {
		if h = strings.TrimSpace(h); h != "" {
			headers = append(headers, h)
		}
	}
	r, configured := q.corsRule(origin, method, headers)
	switch {
	case !configured:
		return s3err.New(s3err.AccessForbidden)
	case r == nil:
		return s3err.Text(s3err.AccessForbidden, "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "+
			"Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "+
			"resource's CORS spec.")
	}
	q.writeCORS(r, origin)
	q.set("Access-Control-Allow-Headers", strings.ToLower(strings.Join(headers, ", ")))
	return q.status(http.StatusOK)
}

package s3api

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"quarry/internal/standin/store"
)

// subresources answers the bucket operations that versitygw has no answer for, or another than S3's. The requests
// pass the same checks as all others.
type subresources struct {
	store  *store.Store
	region string
	keys   keys
	server *s3api.S3ApiServer
}

// kind is one bucket configuration. Documents are kept as they came; S3 would write them in its own order.
type kind struct {
	query string // the query parameter that names it
	// whenAbsent is what a bucket without one answers; empty when it answers absentCode with 404.
	whenAbsent string
	absentCode string
	absentText string
	// check refuses a document that S3 would; nil where nothing but reading is served.
	check func(doc []byte) bool
}

const xmlns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// kinds are the configurations, in the S3 API reference under their Get operations. Since 2023 a new bucket is
// encrypted with AES256 and blocks public access (User Guide, "Setting default server-side encryption behavior",
// "Blocking public access").
var kinds = []kind{
	{
		query: "encryption", check: validEncryption,
		whenAbsent: `<ServerSideEncryptionConfiguration` + xmlns + `><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>` +
			`</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`,
	},
	{
		query: "publicAccessBlock", check: validPublicAccessBlock,
		whenAbsent: `<PublicAccessBlockConfiguration` + xmlns + `><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>` +
			`<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
		absentCode: "NoSuchPublicAccessBlockConfiguration", absentText: "The public access block configuration was not found",
	},
	{
		query: "lifecycle", check: validLifecycle,
		absentCode: "NoSuchLifecycleConfiguration", absentText: "The lifecycle configuration does not exist",
	},
	{query: "accelerate", whenAbsent: `<AccelerateConfiguration` + xmlns + `/>`},
	{query: "logging", whenAbsent: `<BucketLoggingStatus` + xmlns + `/>`},
	{query: "notification", whenAbsent: `<NotificationConfiguration` + xmlns + `/>`},
	{query: "requestPayment", whenAbsent: `<RequestPaymentConfiguration` + xmlns + `><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`},
	{
		query:      "replication",
		absentCode: "ReplicationConfigurationNotFoundError", absentText: "The replication configuration was not found",
	},
}

// absent marks a configuration that was deleted where S3 starts with one.
var absent = []byte{}

// handler answers what is ours of a method and passes on the rest. It runs before versitygw's own routes, so it does
// what they would have done before: default values and, through chain, every check.
func (s *subresources) handler(method string, root middlewares.RootUserConfig, be backend.Backend) fiber.Handler {
	services := &controllers.Services{}
	verify := []fiber.Handler{
		middlewares.BucketObjectNameValidator(),
		middlewares.VerifyPresignedV4Signature(root, s.keys, s.region, false),
		middlewares.VerifyV4Signature(root, s.keys, s.region, false, true, false),
		middlewares.VerifyChecksums(false, false, false),
	}
	existing := append(slices.Clone(verify), middlewares.ParseAcl(be))
	create := controllers.ProcessHandlers(s.createBucket, "", services, verify...)
	type chain struct {
		query  string
		handle fiber.Handler
	}
	var chains []chain
	add := func(query string, c controllers.Controller) {
		chains = append(chains, chain{query, controllers.ProcessHandlers(c, "", services, existing...)})
	}
	for _, k := range kinds {
		switch {
		case method == fiber.MethodGet:
			add(k.query, s.get(k))
		case k.check == nil: // versitygw says NotImplemented
		case method == fiber.MethodPut:
			add(k.query, s.put(k))
		case method == fiber.MethodDelete:
			add(k.query, s.delete(k))
		}
	}
	switch method {
	case fiber.MethodGet:
		add("location", s.location)
		add("policyStatus", s.policyStatus)
	case fiber.MethodPut:
		add("policy", s.putPolicy)
	}
	return func(ctx fiber.Ctx) error {
		args := ctx.Request().URI().QueryArgs()
		for _, c := range chains {
			if args.Has(c.query) {
				s.defaults(ctx, root)
				return c.handle(ctx)
			}
		}
		if method == fiber.MethodPut && plainBucket(ctx) {
			s.defaults(ctx, root)
			return create(ctx)
		}
		return ctx.Next()
	}
}

// listBuckets says each bucket's own Region, where versitygw says the one it was asked in.
func (s *subresources) listBuckets(root middlewares.RootUserConfig) fiber.Handler {
	list := controllers.ProcessHandlers(func(ctx fiber.Ctx) (*controllers.Response, error) {
		resp, err := s.server.Router.Ctrl.ListBuckets(ctx)
		if res, ok := resp.Data.(s3response.ListAllMyBucketsResult); ok && err == nil {
			for i := range res.Buckets.Bucket {
				b := &res.Buckets.Bucket[i]
				if info, err := s.store.Bucket(ctx.RequestCtx(), b.Name); err == nil {
					b.BucketRegion = info.Region
				}
			}
		}
		return resp, err
	}, "", &controllers.Services{},
		middlewares.VerifyPresignedV4Signature(root, s.keys, s.region, false),
		middlewares.VerifyV4Signature(root, s.keys, s.region, false, true, true),
	)
	return func(ctx fiber.Ctx) error {
		if _, ok := hostBucket(string(ctx.Request().Header.Host())); ok { // the path of a bucket's own host
			return ctx.Next()
		}
		s.defaults(ctx, root)
		return list(ctx)
	}
}

func (s *subresources) defaults(ctx fiber.Ctx, root middlewares.RootUserConfig) {
	utils.ContextKeyRegion.Set(ctx, s.region)
	utils.ContextKeyStartTime.Set(ctx, time.Now())
	utils.ContextKeyRootAccessKey.Set(ctx, root.Access)
	utils.ContextKeyAccount.Set(ctx, auth.Account{})
	utils.ContextKeyIsRoot.Set(ctx, false)
}

// plainBucket reports whether a PUT names a bucket and nothing of it: that makes the bucket.
func plainBucket(ctx fiber.Ctx) bool {
	for k := range ctx.Request().URI().QueryArgs().All() {
		name := strings.ToLower(string(k))
		if name != "x-id" && !strings.HasPrefix(name, "x-amz-") {
			return false
		}
	}
	return true
}

// createBucket lets us-east-1 make buckets in other Regions, as S3's first endpoint does; every other Region's makes its
// own alone, and wants it named (versity/versitygw #2246 has S3's answer). An empty LocationConstraint is none.
func (s *subresources) createBucket(ctx fiber.Ctx) (*controllers.Response, error) {
	var conf struct {
		Location string `xml:"LocationConstraint"`
	}
	if body := ctx.BodyRaw(); len(body) > 0 {
		if xml.Unmarshal(body, &conf) != nil {
			return s.server.Router.Ctrl.CreateBucket(ctx) // says what is wrong with it
		}
		if conf.Location == "" {
			text := strings.NewReplacer("<LocationConstraint></LocationConstraint>", "", "<LocationConstraint/>", "").Replace(string(body))
			ctx.Request().SetBodyRaw(nil)
			ctx.Request().SetBodyString(text)
		}
	}
	switch region := conf.Location; {
	case region == s.region || region == "" && s.region == defaultRegion:
	case region == "":
		return illegalLocation("unspecified")
	case !regionName.MatchString(region): // versitygw says that there is no such Region
	case s.region == defaultRegion && region != defaultRegion:
		utils.ContextKeyRegion.Set(ctx, region)
	default:
		return illegalLocation(region)
	}
	return s.server.Router.Ctrl.CreateBucket(ctx)
}

func illegalLocation(what string) (*controllers.Response, error) {
	return &controllers.Response{}, s3err.APIError{
		Code: "IllegalLocationConstraintException", HTTPStatusCode: http.StatusBadRequest,
		Description: "The " + what + " location constraint is incompatible for the region specific endpoint this request was sent to.",
	}
}

func (s *subresources) location(ctx fiber.Ctx) (*controllers.Response, error) {
	bucket := ctx.Params("bucket")
	info, err := s.store.Bucket(ctx.RequestCtx(), bucket)
	if err != nil {
		return &controllers.Response{}, s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
	}
	region := info.Region
	if region == defaultRegion {
		region = "" // S3's oldest Region has no name here
	}
	return document(xml.Header + `<LocationConstraint` + xmlns + `>` + region + `</LocationConstraint>`), nil
}

// document is an answer with ready XML.
func document(text string) *controllers.Response {
	contentType := "application/xml"
	return &controllers.Response{Data: []byte(text), Headers: map[string]*string{"Content-Type": &contentType}}
}

func (s *subresources) get(k kind) controllers.Controller {
	return func(ctx fiber.Ctx) (*controllers.Response, error) {
		bucket := ctx.Params("bucket")
		doc, err := s.store.Document(ctx.RequestCtx(), bucket, k.query)
		switch {
		case err != nil:
			return &controllers.Response{}, s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
		case len(doc) > 0:
			return document(string(doc)), nil
		case doc == nil && k.whenAbsent != "":
			return document(xml.Header + k.whenAbsent), nil
		}
		return &controllers.Response{}, s3err.APIError{Code: k.absentCode, Description: k.absentText, HTTPStatusCode: http.StatusNotFound}
	}
}

func (s *subresources) put(k kind) controllers.Controller {
	return func(ctx fiber.Ctx) (*controllers.Response, error) {
		doc := slices.Clone(ctx.BodyRaw())
		if !k.check(doc) {
			return &controllers.Response{}, s3err.GetAPIError(s3err.ErrMalformedXML)
		}
		return s.keep(ctx, k.query, doc, http.StatusOK)
	}
}

func (s *subresources) delete(k kind) controllers.Controller {
	return func(ctx fiber.Ctx) (*controllers.Response, error) {
		var doc []byte
		if k.whenAbsent != "" && k.absentCode != "" {
			doc = absent
		}
		return s.keep(ctx, k.query, doc, http.StatusNoContent)
	}
}

func (s *subresources) keep(ctx fiber.Ctx, name string, doc []byte, status int) (*controllers.Response, error) {
	bucket := ctx.Params("bucket")
	if err := s.store.SetDocument(ctx.RequestCtx(), bucket, name, doc); err != nil {
		return &controllers.Response{}, s3err.APIError{Code: "InternalError", Description: err.Error(), HTTPStatusCode: http.StatusInternalServerError}
	}
	return &controllers.Response{MetaOpts: &controllers.MetaOptions{Status: status}}, nil
}

// putPolicy keeps any policy that is JSON with statements. versitygw would look the principals up among its users,
// where neither roles nor services are.
func (s *subresources) putPolicy(ctx fiber.Ctx) (*controllers.Response, error) {
	doc := slices.Clone(ctx.BodyRaw())
	var policy struct {
		Statement json.RawMessage
	}
	if err := json.Unmarshal(doc, &policy); err != nil || len(policy.Statement) < 3 || len(doc) > 20<<10 {
		return &controllers.Response{}, s3err.APIError{
			Code: "MalformedPolicy", Description: "Policies must be valid JSON with at least one statement and at most 20 KB long.", HTTPStatusCode: http.StatusBadRequest,
		}
	}
	bucket := ctx.Params("bucket")
	if err := s.store.SetPolicy(ctx.RequestCtx(), bucket, doc); err != nil {
		return &controllers.Response{}, s3err.APIError{Code: "InternalError", Description: err.Error(), HTTPStatusCode: http.StatusInternalServerError}
	}
	return &controllers.Response{MetaOpts: &controllers.MetaOptions{Status: http.StatusNoContent}}, nil
}

// policyStatus reports whether a policy lets everybody in, by the part of S3's rule (User Guide, "The meaning of
// public") that needs no evaluation: an Allow for every principal without a condition.
func (s *subresources) policyStatus(ctx fiber.Ctx) (*controllers.Response, error) {
	bucket := ctx.Params("bucket")
	info, err := s.store.Bucket(ctx.RequestCtx(), bucket)
	if err != nil {
		return &controllers.Response{}, s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
	}
	if info.Policy == nil {
		return &controllers.Response{}, s3err.GetAPIError(s3err.ErrNoSuchBucketPolicy)
	}
	return document(fmt.Sprintf("%s<PolicyStatus%s><IsPublic>%t</IsPublic></PolicyStatus>", xml.Header, xmlns, isPublic(info.Policy))), nil
}

func isPublic(policy []byte) bool {
	type statement struct {
		Effect    string
		Principal json.RawMessage
		Condition json.RawMessage
	}
	var one struct{ Statement statement }
	var many struct{ Statement []statement }
	if json.Unmarshal(policy, &many) != nil {
		if json.Unmarshal(policy, &one) != nil {
			return false
		}
		many.Statement = []statement{one.Statement}
	}
	for _, st := range many.Statement {
		if st.Effect == "Allow" && len(st.Condition) == 0 && strings.Contains(string(st.Principal), `"*"`) {
			return true
		}
	}
	return false
}

func validEncryption(doc []byte) bool {
	var conf struct {
		XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
		Rules   []struct {
			Algorithm string `xml:"ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
		} `xml:"Rule"`
	}
	if xml.Unmarshal(doc, &conf) != nil || len(conf.Rules) == 0 {
		return false
	}
	for _, r := range conf.Rules {
		if !slices.Contains([]string{"", "AES256", "aws:kms", "aws:kms:dsse"}, r.Algorithm) {
			return false
		}
	}
	return true
}

func validPublicAccessBlock(doc []byte) bool {
	var conf struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		A       bool     `xml:"BlockPublicAcls"`
		B       bool     `xml:"IgnorePublicAcls"`
		C       bool     `xml:"BlockPublicPolicy"`
		D       bool     `xml:"RestrictPublicBuckets"`
	}
	return xml.Unmarshal(doc, &conf) == nil
}

func validLifecycle(doc []byte) bool {
	var conf struct {
		XMLName xml.Name `xml:"LifecycleConfiguration"`
		Rules   []struct {
			Status string `xml:"Status"`
		} `xml:"Rule"`
	}
	if xml.Unmarshal(doc, &conf) != nil || len(conf.Rules) == 0 || len(conf.Rules) > 1000 {
		return false
	}
	for _, r := range conf.Rules {
		if r.Status != "Enabled" && r.Status != "Disabled" {
			return false
		}
	}
	return true
}

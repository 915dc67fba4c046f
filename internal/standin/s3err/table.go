package s3err

import "net/http"

// The codes that the stand-in answers with.
const (
	AccessDenied           Code = "AccessDenied"
	AccessForbidden        Code = "AccessForbidden"
	ACLNotSupported        Code = "AccessControlListNotSupported"
	BadAuthorizationHeader Code = "AuthorizationHeaderMalformed"
	BadAuthorizationQuery  Code = "AuthorizationQueryParametersError"
	BadDigest              Code = "BadDigest"
	BadRequest             Code = "BadRequest"
	BucketOwnedByYou       Code = "BucketAlreadyOwnedByYou"
	BucketNotEmpty         Code = "BucketNotEmpty"
	BucketTaken            Code = "BucketAlreadyExists"
	ContentSHA256Mismatch  Code = "XAmzContentSHA256Mismatch"
	EntityTooLarge         Code = "EntityTooLarge"
	EntityTooSmall         Code = "EntityTooSmall"
	ExpiredToken           Code = "ExpiredToken"
	IllegalLocation        Code = "IllegalLocationConstraintException"
	IncompleteBody         Code = "IncompleteBody"
	InternalError          Code = "InternalError"
	InvalidAccessKeyID     Code = "InvalidAccessKeyId"
	InvalidArgument        Code = "InvalidArgument"
	BucketACLRefused       Code = "InvalidBucketAclWithObjectOwnership"
	InvalidBucketName      Code = "InvalidBucketName"
	InvalidChunkSize       Code = "InvalidChunkSizeError"
	InvalidDigest          Code = "InvalidDigest"
	InvalidLocation        Code = "InvalidLocationConstraint"
	InvalidPart            Code = "InvalidPart"
	InvalidPartNumber      Code = "InvalidPartNumber"
	InvalidPartOrder       Code = "InvalidPartOrder"
	InvalidRange           Code = "InvalidRange"
	InvalidRedirect        Code = "InvalidRedirectLocation"
	InvalidRequest         Code = "InvalidRequest"
	InvalidStorageClass    Code = "InvalidStorageClass"
	InvalidTag             Code = "InvalidTag"
	InvalidToken           Code = "InvalidToken"
	InvalidURI             Code = "InvalidURI"
	KeyTooLong             Code = "KeyTooLongError"
	MalformedPolicy        Code = "MalformedPolicy"
	MalformedTrailer       Code = "MalformedTrailerError"
	MalformedXML           Code = "MalformedXML"
	MessageTooLong         Code = "MaxMessageLengthExceeded"
	MetadataTooLarge       Code = "MetadataTooLarge"
	MethodNotAllowed       Code = "MethodNotAllowed"
	MissingLength          Code = "MissingContentLength"
	MissingRequestBody     Code = "MissingRequestBodyError"
	NoSuchBucket           Code = "NoSuchBucket"
	NoSuchBucketPolicy     Code = "NoSuchBucketPolicy"
	NoCORS                 Code = "NoSuchCORSConfiguration"
	NoSuchKey              Code = "NoSuchKey"
	NoLifecycle            Code = "NoSuchLifecycleConfiguration"
	NoPublicAccessBlock    Code = "NoSuchPublicAccessBlockConfiguration"
	NoSuchTagSet           Code = "NoSuchTagSet"
	NoSuchUpload           Code = "NoSuchUpload"
	NoSuchVersion          Code = "NoSuchVersion"
	NoWebsite              Code = "NoSuchWebsiteConfiguration"
	NotImplementedCode     Code = "NotImplemented"
	NotModified            Code = "NotModified"
	NoObjectLock           Code = "ObjectLockConfigurationNotFoundError"
	NoOwnershipControls    Code = "OwnershipControlsNotFoundError"
	PreconditionFailed     Code = "PreconditionFailed"
	NoReplication          Code = "ReplicationConfigurationNotFoundError"
	HeadersTooLarge        Code = "RequestHeaderSectionTooLarge"
	TimeTooSkewed          Code = "RequestTimeTooSkewed"
	RequestTimeout         Code = "RequestTimeout"
	ServiceUnavailable     Code = "ServiceUnavailable"
	SignatureMismatch      Code = "SignatureDoesNotMatch"
)

type entry struct {
	status  int
	message string
}

// Statuses that many codes have.
const (
	badRequest = http.StatusBadRequest
	forbidden  = http.StatusForbidden
	notFound   = http.StatusNotFound
	conflict   = http.StatusConflict
)

// table is every code with its status and its usual message.
var table = map[Code]entry{
	AccessDenied:           {forbidden, "Access Denied"},
	AccessForbidden:        {forbidden, "CORSResponse: CORS is not enabled for this bucket."},
	ACLNotSupported:        {badRequest, "The bucket does not allow ACLs"},
	BadAuthorizationHeader: {badRequest, "The authorization header that you provided is not valid."},
	BadAuthorizationQuery:  {badRequest, "The authorization query parameters that you provided are not valid."},
	BadDigest:              {badRequest, "The Content-MD5 you specified did not match what we received."},
	BadRequest:             {badRequest, "Bad Request"},
	BucketOwnedByYou: {
		conflict,
		"Your previous request to create the named bucket succeeded and you already own it.",
	},
	BucketTaken: {
		conflict,
		"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Select a different name and try again.",
	},
	BucketNotEmpty: {conflict, "The bucket you tried to delete is not empty"},
	ContentSHA256Mismatch: {
		badRequest,
		"The provided 'x-amz-content-sha256' header does not match what was computed.",
	},
	EntityTooLarge: {badRequest, "Your proposed upload exceeds the maximum allowed size"},
	EntityTooSmall: {badRequest, "Your proposed upload is smaller than the minimum allowed size"},
	ExpiredToken:   {badRequest, "The provided token has expired."},
	IllegalLocation: {badRequest, "The location constraint is incompatible for the region specific endpoint this request " +
		"was sent to."},
	IncompleteBody: {
		badRequest,
		"You did not provide the number of bytes specified by the Content-Length HTTP header",
	},
	InternalError: {
		http.StatusInternalServerError,
		"We encountered an internal error. Please try again.",
	},
	InvalidAccessKeyID: {forbidden, "The AWS Access Key Id you provided does not exist in our records."},
	InvalidArgument:    {badRequest, "Invalid Argument"},
	BucketACLRefused:   {badRequest, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
	InvalidBucketName:  {badRequest, "The specified bucket is not valid."},
	InvalidChunkSize:   {forbidden, "Only the last chunk is allowed to have a size less than 8192 bytes"},
	InvalidDigest:      {badRequest, "The Content-MD5 you specified was invalid."},
	InvalidLocation:    {badRequest, "The specified location-constraint is not valid"},
	InvalidPart: {badRequest, "One or more of the specified parts could not be found.  The part may not have been " +
		"uploaded, or the specified entity tag may not match the part's entity tag."},
	InvalidPartNumber: {
		http.StatusRequestedRangeNotSatisfiable,
		"The requested partnumber is not satisfiable",
	},
	InvalidPartOrder: {
		badRequest,
		"The list of parts was not in ascending order. Parts must be ordered by part number.",
	},
	InvalidRange: {
		http.StatusRequestedRangeNotSatisfiable,
		"The requested range is not satisfiable",
	},
	InvalidRedirect: {
		badRequest,
		"The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
	},
	InvalidRequest:      {badRequest, "Invalid Request"},
	InvalidStorageClass: {badRequest, "The storage class you specified is not valid"},
	InvalidTag:          {badRequest, "The tag provided was not a valid tag."},
	InvalidToken:        {badRequest, "The provided token is malformed or otherwise invalid."},
	InvalidURI:          {badRequest, "Couldn't parse the specified URI."},
	KeyTooLong:          {badRequest, "Your key is too long"},
	MalformedPolicy:     {badRequest, "Policies must be valid JSON and the first byte must be '{'"},
	MalformedTrailer: {badRequest, "The request contained trailing data that was not well-formed or did not conform to our " +
		"published schema."},
	MalformedXML: {badRequest, "The XML you provided was not well-formed or did not validate against our published " +
		"schema"},
	MessageTooLong:   {badRequest, "Your request was too large."},
	MetadataTooLarge: {badRequest, "Your metadata headers exceed the maximum allowed metadata size"},
	MethodNotAllowed: {
		http.StatusMethodNotAllowed,
		"The specified method is not allowed against this resource.",
	},
	MissingLength:       {http.StatusLengthRequired, "You must provide the Content-Length HTTP header."},
	MissingRequestBody:  {badRequest, "Request Body is empty"},
	NoSuchBucket:        {notFound, "The specified bucket does not exist"},
	NoSuchBucketPolicy:  {notFound, "The bucket policy does not exist"},
	NoCORS:              {notFound, "The CORS configuration does not exist"},
	NoSuchKey:           {notFound, "The specified key does not exist."},
	NoLifecycle:         {notFound, "The lifecycle configuration does not exist"},
	NoPublicAccessBlock: {notFound, "The public access block configuration was not found"},
	NoSuchTagSet:        {notFound, "The TagSet does not exist"},
	NoSuchUpload: {notFound, "The specified upload does not exist. The upload ID may be invalid, or the upload may " +
		"have been aborted or completed."},
	NoSuchVersion: {notFound, "The specified version does not exist."},
	NoWebsite:     {notFound, "The specified bucket does not have a website configuration"},
	NotImplementedCode: {
		http.StatusNotImplemented,
		"A header or parameter you provided implies functionality that is not implemented.",
	},
	NotModified:         {http.StatusNotModified, "Not Modified"},
	NoObjectLock:        {notFound, "Object Lock configuration does not exist for this bucket"},
	NoOwnershipControls: {notFound, "The bucket ownership controls were not found"},
	PreconditionFailed: {
		http.StatusPreconditionFailed,
		"At least one of the pre-conditions you specified did not hold",
	},
	NoReplication:   {notFound, "The replication configuration was not found"},
	HeadersTooLarge: {badRequest, "Your request header section exceeds the maximum allowed size."},
	TimeTooSkewed: {
		forbidden,
		"The difference between the request time and the current time is too large.",
	},
	RequestTimeout: {badRequest, "Your socket connection to the server was not read from or written to within the timeout " +
		"period."},
	ServiceUnavailable: {http.StatusServiceUnavailable, "Service is unable to handle request."},
	SignatureMismatch: {forbidden, "The request signature we calculated does not match the signature you provided. Check " +
		"your key and signing method."},
}

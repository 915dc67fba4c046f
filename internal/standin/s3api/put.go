package s3api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// maxMetadataBytes is S3's limit for the names and values of user-defined metadata.
const maxMetadataBytes = 2 << 10

// defaultType is the type of an object that was put without one.
const defaultType = "binary/octet-stream"

func (q *request) putObject() error {
	in := store.Put{Bucket: q.bucket, Key: q.key, If: q.writeConditions()}
	var err error
	if in.Headers, in.Tags, err = q.attributesOfNew(); err != nil {
		return err
	}
	if in.Body, err = q.body(); err != nil {
		return err
	}
	o, err := q.store.Put(q.ctx(), in)
	if err != nil {
		return err
	}
	q.set("ETag", quoted(o.ETag))
	q.setEncryption(o.Headers)
	q.setNewVersion(o)
	q.setSum(o.Checksum)
	return q.status(http.StatusOK)
}

// writeConditions are those of a write.
func (q *request) writeConditions() store.Conditions {
	return store.Conditions{Match: q.header("If-Match"), NoneMatch: q.header("If-None-Match")}
}

// attributesOfNew reads what a request says of the object that it makes, other than its bytes.
func (q *request) attributesOfNew() (store.Headers, store.Tags, error) {
	h := store.Headers{
		ContentType: q.header("Content-Type"), ContentEncoding: withoutChunked(q.header("Content-Encoding")),
		ContentDisposition: q.header("Content-Disposition"), ContentLanguage: q.header("Content-Language"),
		CacheControl: q.header("Cache-Control"), Expires: q.header("Expires"), Redirect: q.header("X-Amz-Website-Redirect-Location"),
	}
	if h.ContentType == "" {
		h.ContentType = defaultType
	}
	if err := q.checkACL(q.info.Ownership); err != nil {
		return h, nil, err
	}
	for _, name := range []string{"X-Amz-Object-Lock-Mode", "X-Amz-Object-Lock-Retain-Until-Date"} {
		if q.header(name) != "" {
			return h, nil, s3err.Request("Bucket is missing Object Lock Configuration")
		}
	}
	if q.header("X-Amz-Object-Lock-Legal-Hold") == "ON" {
		return h, nil, s3err.Request("Bucket is missing Object Lock Configuration")
	}
	if h.Redirect != "" && !isRedirect(h.Redirect) {
		return h, nil, s3err.New(s3err.InvalidRedirect)
	}
	var err error
	if h.Metadata, err = q.metadata(); err != nil {
		return h, nil, err
	}
	if h.StorageClass, err = q.storageClass(); err != nil {
		return h, nil, err
	}
	if h.Encryption, h.KMSKeyID, err = q.encryption(); err != nil {
		return h, nil, err
	}
	tags, err := q.headerTags()
	return h, tags, err
}

// isRedirect knows the beginnings of a website redirect location.
func isRedirect(text string) bool {
	return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

func (q *request) metadata() (map[string]string, error) {
	out, size := map[string]string{}, 0
	for name, values := range q.r.Header {
		if suffix, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok && suffix != "" {
			out[suffix] = strings.Join(values, ",")
			size += len(suffix) + len(out[suffix])
		}
	}
	if size > maxMetadataBytes {
		return nil, s3err.New(s3err.MetadataTooLarge).With("Size", strconv.Itoa(size)).With("MaxSizeAllowed", strconv.Itoa(maxMetadataBytes))
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// withoutChunked takes aws-chunked out of a Content-Encoding: it names the wire, not the object
// (versitygw issue #2398).
func withoutChunked(encoding string) string {
	var kept []string
	for e := range strings.SplitSeq(encoding, ",") {
		if name := strings.TrimSpace(e); name != "" && !strings.EqualFold(name, "aws-chunked") {
			kept = append(kept, e)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ","))
}

// storageClass keeps the class of a request; "" is STANDARD. Classes from which an object must be restored are not served.
func (q *request) storageClass() (string, error) {
	switch name := q.header("X-Amz-Storage-Class"); name {
	case "", "STANDARD":
		return "", nil
	case "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR":
		return name, nil
	case "GLACIER", "DEEP_ARCHIVE":
		return "", s3err.NotImplemented("x-amz-storage-class", "Objects cannot be restored here.")
	default:
		return "", s3err.New(s3err.InvalidStorageClass).With("StorageClassRequested", clip(name))
	}
}

// encryption is how an object is said to be encrypted: as the request says, else as the bucket's default says. Nothing is encrypted.
func (q *request) encryption() (algorithm, key string, err error) {
	algorithm, key = q.header("X-Amz-Server-Side-Encryption"), q.header("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
	if algorithm == "" {
		if key != "" {
			return "", "", s3err.Argument("Server Side Encryption with AWS KMS managed key requires HTTP header "+
				"x-amz-server-side-encryption : aws:kms", "x-amz-server-side-encryption", "null")
		}
		algorithm, key = q.info.Encryption, q.info.KMSKeyID
	}
	if !slices.Contains([]string{"AES256", "aws:kms", "aws:kms:dsse"}, algorithm) {
		return "", "", s3err.Argument("The encryption method specified is not supported", "x-amz-server-side-encryption", clip(algorithm))
	}
	if algorithm == "AES256" {
		if key != "" {
			return "", "", s3err.Argument("The encryption method specified is not supported", "x-amz-server-side-encryption", algorithm)
		}
		algorithm = ""
	}
	return algorithm, key, nil
}

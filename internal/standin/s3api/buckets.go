package s3api

import (
	"encoding/xml"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// owner is an account in S3's XML. It is the sender's: no other account gets that far.
type owner struct {
	ID          string
	DisplayName string
}

func (q *request) owner() owner { return owner{q.account, q.account} }

type bucketsXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner   owner
	Buckets []bucketXML `xml:"Buckets>Bucket"`
	Token   string      `xml:"ContinuationToken,omitempty"`
	Prefix  string      `xml:",omitempty"`
}

type bucketXML struct {
	Name         string
	CreationDate string
	BucketRegion string
}

func (q *request) listBuckets() error {
	limit, err := q.number("max-buckets", 10_000, 10_000)
	if err != nil {
		return err
	}
	if limit == 0 {
		return s3err.Argument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", "0")
	}
	region := q.query.Get("bucket-region")
	out := bucketsXML{Owner: q.owner(), Prefix: q.query.Get("prefix")}
	after := q.query.Get("continuation-token")
	for {
		buckets, more, err := q.store.Buckets(q.ctx(), q.account, out.Prefix, after, limit)
		if err != nil {
			return err
		}
		for _, b := range buckets {
			if region != "" && b.Region != region {
				continue
			}
			out.Buckets = append(out.Buckets, bucketXML{b.Name, timestamp(b.Created), b.Region})
			if len(out.Buckets) == limit {
				if out.Token = b.Name; !more && b.Name == buckets[len(buckets)-1].Name {
					out.Token = ""
				}
				return q.document(out)
			}
		}
		if !more {
			return q.document(out)
		}
		after = buckets[len(buckets)-1].Name
	}
}

// number reads a whole number of a parameter, at most most; otherwise is what it is when it is not there.
func (q *request) number(name string, otherwise, most int) (int, error) {
	text := q.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, s3err.Argument("Provided "+name+" not an integer or within integer range", name, clip(text))
	}
	if n < 0 {
		return 0, s3err.Argument("Argument "+name+" must be an integer between 0 and 2147483647", name, clip(text))
	}
	return min(int(n), most), nil
}

// Names of buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html. That a dash may not be next to a
// period is in AWS's own check of names, class BucketNameUtils of the SDK for Java.
var (
	badPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	badSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"}
)

func notInBucketName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '-'
}

// ValidBucketName reports whether S3 takes a name for a new bucket.
func ValidBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.ContainsFunc(name, notInBucketName) {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil || strings.Trim(name, ".-") != name {
		return false
	}
	for _, pair := range []string{"..", ".-", "-."} {
		if strings.Contains(name, pair) {
			return false
		}
	}
	for _, p := range badPrefixes {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	for _, s := range badSuffixes {
		if strings.HasSuffix(name, s) {
			return false
		}
	}
	return true
}

type createXML struct {
	XMLName  xml.Name `xml:"CreateBucketConfiguration"`
	Location string   `xml:"LocationConstraint"`
	Tags     []tagXML `xml:"Tags>Tag"`
}

// createBucket lets us-east-1 make buckets in other Regions, as S3's first endpoint does; every other Region's makes its
// own alone, and wants it named (versity/versitygw #2246 has S3's answer). An empty LocationConstraint is none.
func (q *request) createBucket() error {
	if !ValidBucketName(q.bucket) {
		return s3err.New(s3err.InvalidBucketName).With("BucketName", q.bucket)
	}
	text, err := q.whole()
	if err != nil {
		return err
	}
	var conf createXML
	if len(text) > 0 && xml.Unmarshal(text, &conf) != nil {
		return s3err.New(s3err.MalformedXML)
	}
	info := store.BucketInfo{Name: q.bucket, Account: q.account, Ownership: q.header("X-Amz-Object-Ownership")}
	if info.Region, err = q.newRegion(conf.Location); err != nil {
		return err
	}
	if info.Tags, err = readTags(conf.Tags, maxBucketTags); err != nil {
		return err
	}
	if info.Ownership == "" && q.header("X-Amz-Acl") == "private" {
		info.Ownership = preferred // as at S3: versity/versitygw #1869
	}
	switch info.Ownership {
	case "", enforced:
		if acl := q.header("X-Amz-Acl"); acl != "" && acl != "private" || q.grants() {
			return s3err.New(s3err.BucketACLRefused)
		}
	case preferred, "ObjectWriter":
		if err := q.checkACL(info.Ownership); err != nil {
			return err
		}
	default:
		return s3err.Argument("Invalid x-amz-object-ownership header: "+clip(info.Ownership), "x-amz-object-ownership", clip(info.Ownership))
	}
	if strings.EqualFold(q.header("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
		return s3err.NotImplemented("x-amz-bucket-object-lock-enabled", "")
	}
	if err := q.store.CreateBucket(q.ctx(), info); err != nil {
		return err
	}
	q.set("Location", "/"+q.bucket)
	return q.status(http.StatusOK)
}

// newRegion is where a bucket is made by a request in q.region with this constraint.
func (q *request) newRegion(constraint string) (string, error) {
	if constraint == "EU" { // S3's old name
		constraint = "eu-west-1"
	}
	illegal := func(what string) error {
		return s3err.Text(s3err.IllegalLocation,
			"The "+what+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	}
	switch {
	case constraint == "" && q.region == defaultRegion:
		return defaultRegion, nil
	case constraint == "":
		return "", illegal("unspecified")
	case !regions[constraint] || constraint == defaultRegion && q.region == defaultRegion:
		return "", s3err.New(s3err.InvalidLocation).With("LocationConstraint", clip(constraint))
	case constraint == q.region, q.region == defaultRegion:
		return constraint, nil
	}
	return "", illegal(constraint)
}

func (q *request) deleteBucket() error {
	if err := q.store.DeleteBucket(q.ctx(), q.bucket); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

func (q *request) headBucket() error {
	q.set("x-amz-bucket-region", q.info.Region)
	q.set("x-amz-access-point-alias", "false")
	q.set("Content-Type", "application/xml")
	return q.status(http.StatusOK)
}

type locationXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Region  string   `xml:",chardata"`
}

func (q *request) location() error {
	region := q.info.Region
	if region == defaultRegion {
		region = "" // S3's oldest Region has no name here
	}
	return q.document(locationXML{Region: region})
}

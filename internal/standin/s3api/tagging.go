package s3api

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// S3's limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html and CostAllocTagging.html there.
const (
	maxObjectTags = 10
	maxBucketTags = 50
	maxTagKey     = 128 // UTF-16 units
	maxTagValue   = 256
)

// notInTag knows the characters that tags have not.
func notInTag(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r)
}

type taggingXML struct {
	XMLName xml.Name `xml:"Tagging"`
	Space   string   `xml:"xmlns,attr,omitempty"`
	Tags    []tagXML `xml:"TagSet>Tag"`
}

type tagXML struct {
	Key   string
	Value string
}

// readTags checks tags.
func readTags(tags []tagXML, most int) (store.Tags, error) {
	if len(tags) > most {
		if most == maxObjectTags {
			return nil, s3err.Text(s3err.BadRequest, "Object tags cannot be greater than 10")
		}
		return nil, s3err.Text(s3err.BadRequest, "Bucket tag count cannot be greater than 50")
	}
	out := store.Tags{}
	for _, t := range tags {
		if err := checkTag(t); err != nil {
			return nil, err
		}
		if _, twice := out[t.Key]; twice {
			return nil, s3err.Text(s3err.InvalidTag, "Cannot provide multiple Tags with the same key").With("TagKey", t.Key)
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

func checkTag(t tagXML) error {
	units := func(s string) int { return len(utf16.Encode([]rune(s))) }
	switch {
	case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
		return s3err.Text(s3err.InvalidTag, "System tags cannot be added/updated by requester").With("TagKey", t.Key)
	case t.Key == "" || units(t.Key) > maxTagKey || strings.ContainsFunc(t.Key, notInTag):
		return s3err.Text(s3err.InvalidTag, "The TagKey you have provided is invalid").With("TagKey", clip(t.Key))
	case units(t.Value) > maxTagValue || strings.ContainsFunc(t.Value, notInTag):
		return s3err.Text(s3err.InvalidTag, "The TagValue you have provided is invalid").With("TagKey", t.Key).With("TagValue", clip(t.Value))
	}
	return nil
}

// headerTags reads x-amz-tagging: a=b&c=d.
func (q *request) headerTags() (store.Tags, error) {
	text := q.header("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, s3err.Argument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "+
			"tag name duplicates.", "x-amz-tagging", clip(text))
	}
	var tags []tagXML
	for key, all := range values {
		for _, v := range all {
			tags = append(tags, tagXML{key, v})
		}
	}
	return readTags(tags, maxObjectTags)
}

// writeTags answers with tags, by key: the order in which they came is not kept.
func (q *request) writeTags(tags store.Tags) error {
	out := taggingXML{Space: namespace}
	for _, key := range sortedKeys(tags) {
		out.Tags = append(out.Tags, tagXML{key, tags[key]})
	}
	return q.document(out)
}

func (q *request) readTagging(most int) (store.Tags, error) {
	var in taggingXML
	if err := q.read(&in); err != nil {
		return nil, err
	}
	return readTags(in.Tags, most)
}

func (q *request) getObjectTags() error {
	o, _, err := q.store.Head(q.ctx(), q.bucket, q.key, q.version())
	if err != nil {
		return err
	}
	q.setVersion(o)
	return q.writeTags(o.Tags)
}

func (q *request) putObjectTags() error {
	tags, err := q.readTagging(maxObjectTags)
	if err != nil {
		return err
	}
	return q.retag(tags, http.StatusOK)
}

func (q *request) deleteObjectTags() error {
	return q.retag(nil, http.StatusNoContent)
}

func (q *request) retag(tags store.Tags, status int) error {
	o, err := q.store.SetTags(q.ctx(), q.bucket, q.key, q.version(), tags)
	if err != nil {
		return err
	}
	q.setVersion(o)
	return q.status(status)
}

func (q *request) getBucketTags() error {
	if len(q.info.Tags) == 0 {
		return s3err.New(s3err.NoSuchTagSet).With("BucketName", q.bucket)
	}
	return q.writeTags(q.info.Tags)
}

func (q *request) putBucketTags() error {
	tags, err := q.readTagging(maxBucketTags)
	if err != nil {
		return err
	}
	if err := q.store.SetBucketTags(q.ctx(), q.bucket, tags); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

func (q *request) deleteBucketTags() error {
	if err := q.store.SetBucketTags(q.ctx(), q.bucket, nil); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

package bedrockapi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/protocol"
)

type tag struct {
	Key   *string `json:"key,omitempty"`
	Value *string `json:"value,omitempty"`
}

// maxTags is what the text of TooManyTagsException says; the shape itself allows 200 in one request.
const maxTags = 50

func (p *problems) tags(path string, tags []tag) {
	p.length(path, len(tags), 0, 200)
	for i, t := range tags {
		at := fmt.Sprintf("%s.%d.member", path, i+1)
		p.requiredText(at+".key", t.Key, tagKey)
		p.required(at+".value", t.Value != nil)
		if value(t.Key) != faults.Tag { // its value is ours, and may hold the commas of --fault
			p.text(at+".value", t.Value, tagValue)
		}
	}
}

// checkTags refuses repeated keys, AWS's own prefix, and more tags than a resource may have, counting those in have.
func checkTags(tags []tag, have map[string]string) error {
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case seen[*t.Key]:
			return refuse(validation, "The tag key %s is given more than once.", *t.Key)
		case strings.HasPrefix(strings.ToLower(*t.Key), "aws:"):
			return refuse(validation, "Tag keys that begin with aws: are reserved.")
		}
		if *t.Key == faults.Tag {
			if _, err := faults.Parse(*t.Value); err != nil {
				return refuse(validation, "The tag %s does not name faults: %v", faults.Tag, err)
			}
		}
		seen[*t.Key] = true
		all[*t.Key] = *t.Value
	}
	if len(all) > maxTags {
		return refuse(tooManyTags, "A resource can have at most %d tags.", maxTags)
	}
	return nil
}

func tagMap(tags []tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, t := range tags {
		m[*t.Key] = *t.Value
	}
	return m
}

// tagged checks the ARN of the tag operations. Only jobs have tags here.
func tagged(c *call, arn *string) (id string, err error) {
	var p problems
	p.requiredText("resourceARN", arn, taggableARN)
	if err := p.err(); err != nil {
		return "", err
	}
	id = quarry.JobARN(*arn).ID()
	if *arn != jobARN(c.caller, id) {
		return "", refuse(notFound, "No resource was found for the ARN %s.", *arn)
	}
	c.id = *arn
	return id, nil
}

// tag is TagResource.
func (a *api) tag(c *call) error {
	var in struct {
		ARN  *string `json:"resourceARN"`
		Tags []tag   `json:"tags"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	id, err := tagged(c, in.ARN)
	if err != nil {
		return err
	}
	var p problems
	p.required("tags", in.Tags != nil)
	p.tags("tags", in.Tags)
	if err := p.err(); err != nil {
		return err
	}
	if err := a.require(c, "bedrock:TagResource", *in.ARN, nil); err != nil {
		return err
	}
	return a.changeTags(c, id, func(tags map[string]string) error {
		if err := checkTags(in.Tags, tags); err != nil {
			return err
		}
		maps.Copy(tags, tagMap(in.Tags))
		return nil
	})
}

// untag is UntagResource.
func (a *api) untag(c *call) error {
	var in struct {
		ARN  *string  `json:"resourceARN"`
		Keys []string `json:"tagKeys"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	id, err := tagged(c, in.ARN)
	if err != nil {
		return err
	}
	var p problems
	p.required("tagKeys", in.Keys != nil)
	p.length("tagKeys", len(in.Keys), 0, 200)
	for i, k := range in.Keys {
		p.text(fmt.Sprintf("tagKeys.%d.member", i+1), &k, tagKey)
	}
	if err := p.err(); err != nil {
		return err
	}
	if err := a.require(c, "bedrock:UntagResource", *in.ARN, nil); err != nil {
		return err
	}
	return a.changeTags(c, id, func(tags map[string]string) error {
		for _, k := range in.Keys {
			delete(tags, k)
		}
		return nil
	})
}

func (a *api) changeTags(c *call, id string, change func(map[string]string) error) error {
	err := a.cfg.Engine.SetTags(c.r.Context(), c.caller.place(), id, change)
	if refusal, ok := errors.AsType[*protocol.Error](err); ok {
		return refusal
	}
	if err != nil {
		return jobError(c, err)
	}
	return reply(c, struct{}{})
}

// listTags is ListTagsForResource.
func (a *api) listTags(c *call) error {
	var in struct {
		ARN *string `json:"resourceARN"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	id, err := tagged(c, in.ARN)
	if err != nil {
		return err
	}
	if err := a.require(c, "bedrock:ListTagsForResource", *in.ARN, nil); err != nil {
		return err
	}
	job, err := a.cfg.Engine.Job(c.r.Context(), c.caller.place(), id)
	if err != nil {
		return jobError(c, err)
	}
	out := struct {
		Tags []tag `json:"tags"`
	}{Tags: []tag{}}
	for _, k := range slices.Sorted(maps.Keys(job.Tags)) {
		v := job.Tags[k]
		out.Tags = append(out.Tags, tag{&k, &v})
	}
	return reply(c, out)
}

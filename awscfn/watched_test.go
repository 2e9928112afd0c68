package awscfn_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
)

// watched looks at every template that is sent, whatever the test is about.
type watched struct {
	awscfn.API
	t      *testing.T
	bucket *bucket
}

func (a watched) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, o ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	body := aws.ToString(in.TemplateBody)
	if in.TemplateURL != nil {
		text, err := a.bucket.fetch(ctx, *in.TemplateURL)
		if err != nil {
			a.t.Error(err)
		}
		body = string(text)
	}
	sound(a.t, body)
	return a.API.CreateChangeSet(ctx, in, o...)
}

// sound wants nothing to be wrong with a template.
func sound(t *testing.T, body string) {
	t.Helper()
	for _, problem := range faults(body) {
		t.Errorf("a template that is not sound: %s", problem)
	}
}

// bucket is an S3 bucket: what was put into it, by URL.
type bucket struct {
	stored map[string]string
	broken error // what Put answers
}

const bucketURL = "https://bucket.s3.eu-central-1.amazonaws.com/"

func (b *bucket) Put(_ context.Context, name string, text []byte) (string, error) {
	if b.broken != nil {
		return "", b.broken
	}
	if strings.HasPrefix(name, "/") {
		return "", errors.New("an absolute name")
	}
	if b.stored == nil {
		b.stored = map[string]string{}
	}
	b.stored[bucketURL+name] = string(text)
	return bucketURL + name, nil
}

func (b *bucket) fetch(_ context.Context, url string) ([]byte, error) {
	text, there := b.stored[url]
	if !there {
		return nil, errors.New("NoSuchKey: " + url)
	}
	return []byte(text), nil
}

package awscfn

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// BucketAPI is what is asked of S3.
type BucketAPI interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// S3 is a bucket that keeps templates. They say nothing that is secret, and are left there: a few kilobytes for each change
// of the stack, which a lifecycle rule of the bucket's may delete at any time.
type S3 struct {
	name    string
	client  BucketAPI
	presign *s3.PresignClient
}

// NewS3 is the bucket of that name. Endpoints of their own, as emulators have them, know no bucket by its host name.
func NewS3(name string, c aws.Config, pathStyle bool) *S3 {
	client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = pathStyle })
	return &S3{name, client, s3.NewPresignClient(client)}
}

var _ Bucket = (*S3)(nil)

// Put stores the text. CloudFormation reads it with the rights of whoever makes the change set, so the URL needs no
// signature, which would end.
func (b *S3) Put(ctx context.Context, name string, text []byte) (string, error) {
	if _, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.name), Key: aws.String(name), Body: bytes.NewReader(text), ContentType: aws.String("application/json"),
	}); err != nil {
		return "", fmt.Errorf("--cf-template-bucket %s: %w", b.name, &CallError{Operation: "PutObject", Err: err})
	}
	signed, err := b.presign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.name), Key: aws.String(name)}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		return "", fmt.Errorf("--cf-template-bucket %s: %w", b.name, err)
	}
	u, err := url.Parse(signed.URL)
	if err != nil {
		return "", fmt.Errorf("--cf-template-bucket %s: %w", b.name, err)
	}
	u.RawQuery = ""
	return u.String(), nil
}

//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// call makes a call of EC2's that must succeed.
func call[In, Out any](t *testing.T, operation func(context.Context, In, ...func(*ec2.Options)) (Out, error), in In) Out {
	t.Helper()
	out, err := operation(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

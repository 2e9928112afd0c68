//go:build e2e

package e2e

import (
	"context"
	"testing"
)

// call makes a call of AWS's that must succeed.
func call[In, Out, Options any](t *testing.T, operation func(context.Context, In, ...func(*Options)) (Out, error), in In) Out {
	t.Helper()
	out, err := operation(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

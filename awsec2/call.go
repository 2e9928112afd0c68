package awsec2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK's standard retrying: three attempts, with pauses of at most 20 s (aws/retry, DefaultMaxAttempts and
// DefaultMaxBackoff).
const (
	attempts   = 3
	maxBackoff = 20 * time.Second
)

// ask makes one call. Every call to EC2 goes through [funnel], so none is unbounded, uncounted or nameless.
func ask[In, Out any](ctx context.Context, p *Provider, operation string,
	f func(context.Context, *In, ...func(*ec2.Options)) (*Out, error), in *In, options ...func(*ec2.Options),
) (*Out, error) {
	return funnel(ctx, p, operation, func(ctx context.Context) (*Out, error) { return f(ctx, in, options...) })
}

// pager is what the SDK's paginators have in common.
type pager[Out any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*ec2.Options)) (*Out, error)
}

// allPages reads a list to its end. An error on any page is an error: half a list would look like things that are gone.
// Each page is a call of its own to the funnel.
func allPages[Out, T any](ctx context.Context, p *Provider, operation string, pages pager[Out], items func(*Out) []T) ([]T, error) {
	var all []T
	for pages.HasMorePages() {
		out, err := funnel(ctx, p, operation, func(ctx context.Context) (*Out, error) { return pages.NextPage(ctx) })
		if err != nil {
			return nil, err
		}
		all = append(all, items(out)...)
	}
	return all, nil
}

// funnel bounds a call, counts it and names it in its error. The HTTP client limits each attempt; the limit here is what
// all of them may take together, and holds for an API that has no HTTP client as well.
func funnel[Out any](ctx context.Context, p *Provider, operation string, call func(context.Context) (Out, error)) (Out, error) {
	bounded, cancel := context.WithTimeout(ctx, attempts*p.config.Timeout+(attempts-1)*maxBackoff)
	defer cancel()
	began := p.config.Now()
	out, err := call(bounded)
	took := p.config.Now().Sub(began)
	p.config.OnCall(operation, Code(err), took)
	if err != nil {
		p.config.Log.Debug("call failed", "operation", operation, "took", took, "error", err)
		return out, &CallError{Operation: operation, Err: err}
	}
	p.config.Log.Debug("call", "operation", operation, "took", took)
	return out, nil
}

// CallError is the error of one call. Its methods let package reconcile tell what it must know without knowing the SDK;
// the SDK's error is in the chain.
type CallError struct {
	Operation string
	Err       error
}

// Error names the operation, the code and EC2's message. It leaves out the request's id and the encoded part of an
// authorization failure: they differ from call to call, and the same trouble shall read the same in each report.
func (e *CallError) Error() string {
	if api, ok := errors.AsType[smithy.APIError](e.Err); ok {
		message, _, _ := strings.Cut(api.ErrorMessage(), " Encoded authorization failure message:")
		if IsCredentialsExpired(e.Err) {
			message += " (the credentials have expired, or the clock here is wrong)"
		}
		return fmt.Sprintf("%s: %s: %s", e.Operation, api.ErrorCode(), message)
	}
	err := e.Err
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		err = operation.Err // the operation is named already
	}
	return fmt.Sprintf("%s: %v", e.Operation, err)
}

func (e *CallError) Unwrap() error { return e.Err }

// Code is the error's code, as the function of that name.
func (e *CallError) Code() string { return Code(e.Err) }

// TableFull reports whether a route table takes no more routes (rule 14).
func (e *CallError) TableFull() bool { return tableFull.has(e.Err) }

// Quota reports whether a quota of the account's is used up.
func (e *CallError) Quota() bool { return IsLimitExceeded(e.Err) }

// NotFound reports whether what the call is about does not exist. AllocateAddress says so of an address that is to be
// recovered and that somebody else has by now (rule 7): "The Elastic IP address 'x' does not exist or is not available".
func (e *CallError) NotFound() bool { return IsNotFound(e.Err) }

// Lost reports whether the call may have had its effect in spite of the error: the answer did not come, or EC2 had
// trouble of its own. Such an error leaves no record; the next look decides (rule 9).
func (e *CallError) Lost() bool {
	if response, ok := errors.AsType[*smithyhttp.ResponseError](e.Err); ok && response.HTTPStatusCode() >= 500 {
		return true
	}
	if api, ok := errors.AsType[smithy.APIError](e.Err); ok {
		return api.ErrorFault() == smithy.FaultServer || internal.has(e.Err)
	}
	return true
}

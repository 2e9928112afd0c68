package inmemory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// stackCall is one API call of CloudFormation: what operation is for EC2. Its effect takes the lock itself.
type stackCall[In, Out any] struct {
	name     string
	required []string
	optional []string
	key      func(*In) string
	effect   func(context.Context, *CloudFormation, *In) (*Out, error)
}

func (o stackCall[In, Out]) call(ctx context.Context, c *CloudFormation, in *In) (*Out, error) {
	if in == nil {
		in = new(In)
	}
	out, err := o.counted(ctx, c, in)
	if err != nil {
		return nil, &smithy.OperationError{ServiceID: "CloudFormation", OperationName: o.name, Err: err}
	}
	return out, nil
}

func (o stackCall[In, Out]) counted(ctx context.Context, c *CloudFormation, in *In) (*Out, error) {
	if err := ctx.Err(); err != nil {
		return nil, &smithy.CanceledError{Err: err}
	}
	call := Call{Operation: o.name}
	if o.key != nil {
		call.Key = o.key(in)
	}
	call, hook := c.enter(call)
	return hooked(ctx, call, hook, func() (*Out, error) {
		if err := checkInput(in, o.required, o.optional); err != nil {
			return nil, asValidation(err)
		}
		return o.effect(ctx, c, in)
	})
}

func (c *CloudFormation) enter(call Call) (Call, Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.enter(call, c.options.KeepCalls), c.hook
}

// asValidation: CloudFormation has one code for all that is wrong with a request (API reference, "Common error types").
func asValidation(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "MissingParameter" {
		return invalid("1 validation error detected: %s", api.ErrorMessage())
	}
	return err
}

func invalid(format string, args ...any) error {
	return failure("ValidationError", format, args...)
}

// stackKey is a call's key: the stack's name, also if it was named by its ARN.
func stackKey(stack *string) string {
	name := aws.ToString(stack)
	if parts := strings.Split(name, "/"); len(parts) == 3 && strings.HasPrefix(name, "arn:") {
		return parts[1]
	}
	return name
}

// changeSetKey is the key of a call about a change set: the stack's name and the change set's.
func changeSetKey(stack, changeSet *string) string {
	return strings.TrimSpace(stackKey(stack) + " " + stackKey(changeSet))
}

// page is a part of a list that grows only at its end.
type page struct {
	from, to int
	total    int // how long the list was when its first page was asked for
	next     *string
}

func pageOf(list string, length, size int, token *string) (page, error) {
	p := page{total: length}
	if token != nil {
		text, err := base64.URLEncoding.DecodeString(*token)
		rest, mine := strings.CutPrefix(string(text), list+" ")
		if _, scanned := fmt.Sscanf(rest, "%d %d", &p.from, &p.total); err != nil || scanned != nil || !mine || p.total > length {
			return page{}, invalid("The specified NextToken is not valid.")
		}
	}
	p.to = min(p.from+size, p.total)
	if p.to < p.total {
		p.next = aws.String(base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %d", list, p.to, p.total)))
	}
	return p, nil
}

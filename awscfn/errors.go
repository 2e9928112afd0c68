package awscfn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

// CloudFormation's error codes are classified here, and always by code: messages are for people, and change. Where there
// is no code, as in the reasons of events and of change sets, the texts that are relied on stand here too, each with what
// happens when it changes.
const (
	// What DescribeStacks and GetTemplate answer for a stack that is not there, among other mistakes; with a name that is
	// well-formed and nothing else to be wrong, it can mean nothing else.
	codeValidation = "ValidationError"

	codeNoChangeSet = "ChangeSetNotFound"
	codeExists      = "AlreadyExistsException"
)

// isNoStack reports whether there is no stack of that name; for calls that ask by name and say nothing more.
func isNoStack(err error) bool { return hasCode(err, codeValidation) }

func isNoChangeSet(err error) bool { return hasCode(err, codeNoChangeSet) }

func isExists(err error) bool { return hasCode(err, codeExists) }

func hasCode(err error, code string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code
}

// saysNoChanges reports whether a change set failed only because it has nothing to change (CloudFormation user guide,
// "Troubleshooting CloudFormation", gives both texts). Were they to change, it would be reported as failed.
func saysNoChanges(reason string) bool {
	return strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed")
}

// saysCancelled reports whether a resource failed only because another one did. Were the text to change, things that are
// not to blame would be put aside for a while too.
func saysCancelled(reason string) bool {
	return strings.HasPrefix(reason, "Resource creation cancelled") || strings.HasPrefix(reason, "Resource update cancelled")
}

// saysQuota reports whether a resource failed because a quota is used up. The code is one of those that all resource handlers
// have in common (CloudFormation CLI user guide, "Handler error codes"), but stands in a text. Were that to change, nobody
// would be told of the quota as such.
func saysQuota(reason string) bool {
	return strings.Contains(reason, "HandlerErrorCode: ServiceLimitExceeded")
}

// couldNot is why something is put aside: what the stack's events said of it.
type couldNot struct {
	what   string
	reason string
	until  time.Time
}

// Error says until when it is put aside, too.
func (e *couldNot) Error() string {
	return fmt.Sprintf("%s: the stack could not: %s (next try at %s)", e.what, e.reason, e.until.UTC().Format(time.RFC3339))
}

// Quota reports whether a quota of the account's is used up.
func (e *couldNot) Quota() bool { return saysQuota(e.reason) }

// code is the AWS error code in err's chain, else Canceled, Timeout or Unknown; empty for nil.
func code(err error) string {
	if err == nil {
		return ""
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if errors.Is(err, context.Canceled) {
		return "Canceled"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "Timeout"
	}
	return "Unknown"
}

// CallError is the error of one call. The SDK's error is in the chain.
type CallError struct {
	Operation string
	Err       error
}

// Error names the operation, the code and CloudFormation's message, without the request's id: the same trouble shall read
// the same in each report.
func (e *CallError) Error() string {
	if api, ok := errors.AsType[smithy.APIError](e.Err); ok {
		return fmt.Sprintf("%s: %s: %s", e.Operation, api.ErrorCode(), api.ErrorMessage())
	}
	err := e.Err
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		err = operation.Err // the operation is named already
	}
	return fmt.Sprintf("%s: %v", e.Operation, err)
}

func (e *CallError) Unwrap() error { return e.Err }

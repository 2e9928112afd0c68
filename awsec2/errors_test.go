package awsec2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func coded(code string) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "X", Err: &smithy.GenericAPIError{
		Code: code, Message: "no", Fault: smithy.FaultClient,
	}}
}

var classes = map[string]func(error) bool{
	"NotFound": IsNotFound, "AlreadyExists": IsAlreadyExists, "AlreadyAssociated": IsAlreadyAssociated,
	"LimitExceeded": IsLimitExceeded, "Throttled": IsThrottled, "Unauthorized": IsUnauthorized,
	"CredentialsExpired": IsCredentialsExpired, "DependencyViolation": IsDependencyViolation,
	"ParameterMismatch": IsParameterMismatch,
}

// TestEveryCodeHasOneClass is the table: each code is in its class and in no other.
func TestEveryCodeHasOneClass(t *testing.T) {
	table := map[string]codes{
		"NotFound": notFound, "AlreadyExists": alreadyExists, "AlreadyAssociated": alreadyAssociated,
		"LimitExceeded": limitExceeded, "Throttled": throttled, "Unauthorized": unauthorized,
		"CredentialsExpired": credentialsExpired, "DependencyViolation": dependencyViolation,
		"ParameterMismatch": parameterMismatch,
	}
	for want, set := range table {
		for code := range set {
			for class, is := range classes {
				if got := is(&CallError{Operation: "X", Err: coded(code)}); got != (class == want) {
					t.Errorf("%s is %s: %t", code, class, got)
				}
			}
		}
	}
	for _, code := range []string{"", "Nonsense", "InternalError", "IncorrectState"} {
		for class, is := range classes {
			if is(coded(code)) {
				t.Errorf("%q is %s", code, class)
			}
		}
	}
	if len(throttled) != len(retry.DefaultThrottleErrorCodes) {
		t.Error("what is throttled is the SDK's to say")
	}
}

// TestMessagesDoNotCount shows that a message that reads like a code changes nothing.
func TestMessagesDoNotCount(t *testing.T) {
	err := &smithy.GenericAPIError{Code: "Other", Message: "RouteLimitExceeded InvalidRoute.NotFound"}
	for class, is := range classes {
		if is(err) || is(errors.New(class)) {
			t.Errorf("%v is %s", err, class)
		}
	}
}

func TestCode(t *testing.T) {
	timeout := &url.Error{Op: "Post", URL: "https://ec2.invalid", Err: &net.DNSError{IsTimeout: true}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{coded("RouteLimitExceeded"), "RouteLimitExceeded"},
		{fmt.Errorf("create x: %w", &CallError{Err: coded("RouteLimitExceeded")}), "RouteLimitExceeded"},
		{&smithy.CanceledError{Err: context.Canceled}, "Canceled"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "Timeout"},
		{timeout, "Timeout"},
		{errors.New("odd"), "Unknown"},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
}

func TestTableFull(t *testing.T) {
	for code, want := range map[string]bool{
		"RouteLimitExceeded": true, "ResourceCountLimitExceeded": true, "RouteTableLimitExceeded": false, "Other": false,
	} {
		err := fmt.Errorf("create route: %w", &CallError{Operation: "CreateRoute", Err: coded(code)})
		var full interface{ TableFull() bool }
		if !errors.As(err, &full) || full.TableFull() != want {
			t.Errorf("%s: want %t", code, want)
		}
		var withCode interface{ Code() string }
		if !errors.As(err, &withCode) || withCode.Code() != code {
			t.Errorf("%s: the code cannot be had without the SDK", code)
		}
	}
}

// TestNotFound is about how a lost address that cannot be had back is told from a quota, and from bad credentials: those can
// change at any moment (rule 7).
func TestNotFound(t *testing.T) {
	for code, want := range map[string]bool{
		"InvalidAddress.NotFound": true, "AddressLimitExceeded": false, "AuthFailure": false, "InsufficientAddressCapacity": false,
	} {
		err := fmt.Errorf("create address: %w", &CallError{Operation: "AllocateAddress", Err: coded(code)})
		var answer interface{ NotFound() bool }
		if !errors.As(err, &answer) || answer.NotFound() != want {
			t.Errorf("%s: want %t", code, want)
		}
	}
}

// TestLost is about which errors leave open whether the call had its effect.
func TestLost(t *testing.T) {
	status := func(n int, err error) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: n}}, Err: err}
	}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused", coded("AddressLimitExceeded"), false},
		{"refused, as HTTP", status(400, coded("AddressLimitExceeded")), false},
		{"throttled", coded("RequestLimitExceeded"), false},
		{"internal", coded("InternalError"), true},
		{"server's fault", &smithy.GenericAPIError{Code: "X", Fault: smithy.FaultServer}, true},
		{"status 503", status(503, coded("X")), true},
		{"cut", errors.New("connection reset"), true},
		{"timeout", context.DeadlineExceeded, true},
	} {
		if got := (&CallError{Operation: "AllocateAddress", Err: c.err}).Lost(); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

func TestCallErrorText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{coded("AddressLimitExceeded"), "AllocateAddress: AddressLimitExceeded: no"},
		{
			&smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You may not. Encoded authorization failure message: AbC123"},
			"AllocateAddress: UnauthorizedOperation: You may not.",
		},
		{&smithy.OperationError{ServiceID: "EC2", OperationName: "AllocateAddress", Err: errors.New("cut")}, "AllocateAddress: cut"},
		{errors.New("odd"), "AllocateAddress: odd"},
	} {
		err := &CallError{Operation: "AllocateAddress", Err: c.err}
		if err.Error() != c.want {
			t.Errorf("got %q, want %q", err, c.want)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v: EC2's own error is not in the chain", err)
		}
	}
}

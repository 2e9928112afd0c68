package awsec2

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// codes is a set of AWS error codes. This file is the one place where they are classified, and always by code: messages
// are for people, and change. Unless another source is given, the codes are from EC2's "Error codes" page (AWS.md A).
type codes map[string]struct{}

func set(list ...string) codes {
	c := codes{}
	for _, code := range list {
		c[code] = struct{}{}
	}
	return c
}

func (c codes) has(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	_, ok = c[api.ErrorCode()]
	return ok
}

var (
	// An address that is missing is InvalidAllocationID to one call, InvalidAddressID to another, and InvalidElasticIpID to
	// CreateNatGateway (seen in hashicorp/terraform-provider-aws#27087); both spellings ID and Id occur (there, ec2
	// errors.go).
	notFound = set(
		"InvalidAddress.NotFound",
		"InvalidAddressID.NotFound",
		"InvalidAllocationID.NotFound",
		"InvalidAssociationID.NotFound",
		"InvalidElasticIpID.NotFound",
		"InvalidGatewayID.NotFound",
		"InvalidInternetGatewayID.NotFound",
		"InvalidNatGatewayID.NotFound",
		"InvalidPrefixListID.NotFound",
		"InvalidPrefixListId.NotFound",
		"InvalidRoute.NotFound",
		"InvalidRouteTableID.NotFound",
		"InvalidRouteTableId.NotFound",
		"InvalidSubnetID.NotFound",
		"InvalidSubnetId.NotFound",
		"InvalidVpcID.NotFound",
		"NatGatewayNotFound",
	)

	// A subnet whose CIDR is taken is how the zone's lock answers the one who comes second (rule 9).
	alreadyExists = set("InvalidSubnet.Conflict", "RouteAlreadyExists")

	alreadyAssociated = set("Resource.AlreadyAssociated")

	// ResourceCountLimitExceeded is described there as a limit for creating routes.
	tableFull = set("ResourceCountLimitExceeded", "RouteLimitExceeded")

	limitExceeded = set(
		"AddressLimitExceeded",
		"NatGatewayLimitExceeded",
		"ResourceCountLimitExceeded",
		"RouteLimitExceeded",
		"RouteTableLimitExceeded",
		"SubnetLimitExceeded",
		"TagLimitExceeded",
	)

	throttled codes = retry.DefaultThrottleErrorCodes // the SDK's own list: what it waits and tries again for

	unauthorized = set("AccessDenied", "AccessDeniedException", "AuthFailure", "OptInRequired", "UnauthorizedOperation")

	// These go away with new credentials, not with another policy.
	credentialsExpired = set(
		"ExpiredToken",
		"ExpiredTokenException",
		"InvalidClientTokenId",
		"RequestExpired",
		"UnrecognizedClientException",
	)

	// An address that is in use is InvalidIPAddress.InUse where other things are DependencyViolation.
	dependencyViolation = set("DependencyViolation", "InvalidIPAddress.InUse")

	parameterMismatch = set("IdempotentParameterMismatch")

	// EC2 could not say whether it did what was asked.
	internal = set("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable")
)

// IsNotFound reports whether what a call is about does not exist.
func IsNotFound(err error) bool { return notFound.has(err) }

// IsAlreadyExists reports whether what was to be made is there already, somebody's.
func IsAlreadyExists(err error) bool { return alreadyExists.has(err) }

// IsAlreadyAssociated reports whether an address or a subnet serves something else already.
func IsAlreadyAssociated(err error) bool { return alreadyAssociated.has(err) }

// QuotaCodes are EC2's error codes that say that a quota is used up, sorted.
func QuotaCodes() []string { return slices.Sorted(maps.Keys(limitExceeded)) }

// IsLimitExceeded reports whether a quota is used up.
func IsLimitExceeded(err error) bool { return limitExceeded.has(err) }

// IsThrottled reports whether EC2 asks for fewer calls.
func IsThrottled(err error) bool { return throttled.has(err) }

// IsUnauthorized reports whether the credentials do not allow a call.
func IsUnauthorized(err error) bool { return unauthorized.has(err) }

// IsCredentialsExpired reports whether the credentials are no longer good for anything.
func IsCredentialsExpired(err error) bool { return credentialsExpired.has(err) }

// IsDependencyViolation reports whether something else still needs what was to be deleted.
func IsDependencyViolation(err error) bool { return dependencyViolation.has(err) }

// IsParameterMismatch reports whether a client token was used before, with other parameters.
func IsParameterMismatch(err error) bool { return parameterMismatch.has(err) }

// The codes of errors that do not come from AWS.
const (
	codeCanceled = "Canceled"
	codeTimeout  = "Timeout"
	codeUnknown  = "Unknown"
)

// Code is the AWS error code in err's chain, else Canceled, Timeout or Unknown; empty for nil. It is short and one of few,
// so it can label a metric.
func Code(err error) string {
	if err == nil {
		return ""
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if errors.Is(err, context.Canceled) {
		return codeCanceled
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return codeTimeout
	}
	return codeUnknown
}

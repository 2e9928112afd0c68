package awsec2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	smithymiddleware "github.com/aws/smithy-go/middleware"
)

// ClientConfig says who calls, and how long an attempt may take. All else is the SDK's own: AWS_REGION, AWS_PROFILE,
// AWS_ENDPOINT_URL, IRSA, Pod Identity.
type ClientConfig struct {
	Program, Version string        // for the user agent, so that CloudTrail shows who it was
	Timeout          time.Duration // the limit for each attempt of a call; 15s if zero
}

// credentialsTimeout bounds the search for credentials. Where there are none it ends at the instance's metadata service,
// and away from AWS nothing answers there.
const credentialsTimeout = 5 * time.Second

// NewClient makes a client for EC2.
func NewClient(ctx context.Context, c ClientConfig) (*ec2.Client, error) {
	loaded, err := LoadAWS(ctx, c)
	if err != nil {
		return nil, err
	}
	return ec2.NewFromConfig(loaded), nil
}

// LoadAWS reads the SDK's configuration, for clients of EC2 and of other services. A region or credentials that are
// missing are an error now, rather than one of each later call.
func LoadAWS(ctx context.Context, c ClientConfig) (aws.Config, error) {
	limited := awshttp.NewBuildableClient().WithTimeout(cmp.Or(c.Timeout, defaultTimeout))
	loaded, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(limited),
		config.WithAPIOptions([]func(*smithymiddleware.Stack) error{middleware.AddUserAgentKeyValue(c.Program, c.Version)}),
	)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return aws.Config{}, errors.New("no AWS region: set AWS_REGION, or region in the profile that AWS_PROFILE names")
	}
	if err := findCredentials(ctx, loaded); err != nil {
		return aws.Config{}, err
	}
	// Only now: to put AWS_CA_BUNDLE into it, the SDK wants its own client.
	loaded.HTTPClient = wholeBody{loaded.HTTPClient}
	return loaded, nil
}

func findCredentials(ctx context.Context, loaded aws.Config) error {
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf(`no AWS credentials; looked for, in this order:
  static keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
  a web identity in AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (IRSA)
  the shared files, profile AWS_PROFILE
  a container's endpoint in AWS_CONTAINER_CREDENTIALS_FULL_URI (Pod Identity)
  the instance's metadata service
%w`, err)
	}
	return nil
}

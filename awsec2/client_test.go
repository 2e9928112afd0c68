package awsec2

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// bareEnvironment takes away all that the SDK would find on the machine that the tests run on.
func bareEnvironment(t *testing.T, set map[string]string) {
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_CA_BUNDLE",
		"AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_DEFAULTS_MODE",
	} {
		t.Setenv(name, "")
	}
	none := t.TempDir() + "/none"
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range set {
		t.Setenv(name, value)
	}
}

func TestClientWithoutRegion(t *testing.T) {
	bareEnvironment(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"})
	_, err := NewClient(t.Context(), ClientConfig{})
	if err == nil {
		t.Fatal("a client without a region")
	}
	golden(t, "client-no-region", err.Error())
}

func TestClientWithoutCredentials(t *testing.T) {
	bareEnvironment(t, map[string]string{"AWS_REGION": "eu-central-1"})
	_, err := NewClient(t.Context(), ClientConfig{})
	if err == nil {
		t.Fatal("a client without credentials")
	}
	ours, _, _ := strings.Cut(err.Error(), "failed to refresh") // the rest is the SDK's to word
	golden(t, "client-no-credentials", strings.TrimSpace(ours))
}

// TestClientCalls shows that the endpoint is the one of the environment, and that the program names itself.
func TestClientCalls(t *testing.T) {
	agents := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		agents <- request.UserAgent()
		answer.Header().Set("Connection", "close")
		_, _ = answer.Write([]byte(`<DescribeAddressesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"/>`))
	}))
	defer server.Close()
	bareEnvironment(t, map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": server.URL,
	})
	client, err := NewClient(t.Context(), ClientConfig{Program: "kube-static-egress-controller", Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}); err != nil {
		t.Fatal(err)
	}
	if agent := <-agents; !strings.Contains(agent, "kube-static-egress-controller/v1.2.3") {
		t.Errorf("the user agent is %q", agent)
	}
}

// TestClientLimitsAttempts: an EC2 that takes the call and says no more ends it.
func TestClientLimitsAttempts(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.WriteHeader(http.StatusOK)
		answer.(http.Flusher).Flush()
		<-ended // in the middle of the body
	}))
	defer server.Close()
	defer close(ended)
	bareEnvironment(t, map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_ENDPOINT_URL": server.URL, "AWS_MAX_ATTEMPTS": "1",
	})
	client, err := NewClient(t.Context(), ClientConfig{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{})
	if Code(err) != "Timeout" {
		t.Errorf("got %v", err)
	}
}

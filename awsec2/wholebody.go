package awsec2

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// wholeBody is an HTTP client that reads each answer to its end before it hands it on. Where an answer begins well and the
// connection is reset in its middle, the SDK tries again, and then there are two of a thing and no error (AWS.md E; the
// test here shows it). So such an answer is an error of its own kind, for all calls alike: what it would have said is seen
// at the next look. The client's time limit covers the body as well.
type wholeBody struct{ next aws.HTTPClient }

// Do sends a request and reads the answer.
func (c wholeBody) Do(request *http.Request) (*http.Response, error) {
	response, err := c.next.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if closed := response.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, &cutAnswer{status: response.Status, err: err}
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// cutAnswer is the error of an answer that ended early.
type cutAnswer struct {
	status string
	err    error
}

func (e *cutAnswer) Error() string {
	return fmt.Sprintf("the answer (%s) was cut: %v", e.status, e.err)
}

func (e *cutAnswer) Unwrap() error { return e.err }

// RetryableError is what the SDK's retryer asks for first (aws/retry, RetryableError). Without it, it would retry this as
// it does any error of the connection.
func (e *cutAnswer) RetryableError() bool { return false }

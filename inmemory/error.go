package inmemory

import (
	"fmt"

	"github.com/aws/smithy-go"
)

// failure is an error as EC2 answers it. The codes are those of EC2's "Error codes" page (AWS.md A) unless a comment says
// otherwise.
func failure(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// notFound is the answer to an id that EC2 does not know: noun is EC2's word for the kind.
func notFound(code, noun, id string) error {
	return failure(code, "The %s ID '%s' does not exist", noun, id)
}

func invalidValue(parameter, value, why string) error {
	return failure("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", value, parameter, why)
}

// must is for the hands, whose mistakes are mistakes in a test.
func must(err error) {
	if err != nil {
		panic("inmemory: " + err.Error())
	}
}

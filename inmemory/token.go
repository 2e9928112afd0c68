package inmemory

import (
	"encoding/json"
	"reflect"
)

// remembered is what a client token has made: from which parameters, and the id.
//
// AWS, "Ensuring idempotency in Amazon EC2 API requests": the same token with the same parameters gives the same
// resource; with others it is an IdempotentParameterMismatch. EC2 goes on to answer with a resource that has failed or
// was deleted since (seen with volumes, aws-ebs-csi-driver CreateDisk; AWS.md A). How long a token is remembered is not
// documented for these calls: assumed for ever. Tags count as parameters (assumed).
type remembered struct {
	parameters string
	id         string
}

// recall says what this token has made before: "" if nothing.
func (m moment) recall(operation string, token *string, in any) (string, error) {
	if token == nil {
		return "", nil // the SDK's client would have put in a token of its own, a new one for each call
	}
	if !isASCII(*token) || len(*token) > 64 {
		return "", invalidValue("ClientToken", *token, "At most 64 ASCII characters are allowed.") // SDK doc comment
	}
	before, ok := m.tokens[operation+" "+*token]
	if ok && before.parameters != parametersOf(in) {
		return "", failure("IdempotentParameterMismatch", "The client token '%s' was used with different parameters", *token)
	}
	return before.id, nil
}

func (m moment) remember(operation string, token *string, in any, id string) {
	if token != nil {
		m.tokens[operation+" "+*token] = remembered{parameters: parametersOf(in), id: id}
	}
}

// parametersOf is an input without its token, as text that is equal for equal parameters.
func parametersOf(in any) string {
	bare := reflect.New(reflect.TypeOf(in).Elem()).Elem()
	bare.Set(reflect.ValueOf(in).Elem())
	bare.FieldByName("ClientToken").SetZero()
	text, err := json.Marshal(bare.Interface())
	must(err)
	return string(text)
}

func isASCII(s string) bool {
	for _, r := range s {
		if r > 127 {
			return false
		}
	}
	return true
}

package awscfn

import (
	"encoding/json"
	"fmt"
)

// Value is a text, or what leads to one: another resource (Ref) or one of its attributes (Fn::GetAtt). One of the three
// is set.
type Value struct {
	Text      string
	Ref       string // a logical id
	Of        string // a logical id,
	Attribute string // and which of its attributes
}

// Text, Ref and GetAtt make values.
func text(s string) Value { return Value{Text: s} }

func ref(logicalID string) Value { return Value{Ref: logicalID} }

func getAtt(logicalID, attribute string) Value { return Value{Of: logicalID, Attribute: attribute} }

// refers is the logical id that a value leads to; empty for a text.
func (v Value) refers() string {
	if v.Ref != "" {
		return v.Ref
	}
	return v.Of
}

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v == Value{} }

// reference is how a value that is no text is written.
type reference struct {
	Ref    string     `json:"Ref,omitempty"`
	GetAtt *[2]string `json:"Fn::GetAtt,omitempty"`
}

// MarshalJSON writes it as CloudFormation does.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case v.Ref != "":
		return json.Marshal(reference{Ref: v.Ref})
	case v.Of != "":
		return json.Marshal(reference{GetAtt: &[2]string{v.Of, v.Attribute}})
	}
	return json.Marshal(v.Text)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*v = Value{}
		return json.Unmarshal(b, &v.Text)
	}
	var r reference
	if err := strictly(b, &r); err != nil {
		return err
	}
	switch {
	case r.Ref != "" && r.GetAtt == nil:
		*v = ref(r.Ref)
	case r.Ref == "" && r.GetAtt != nil:
		*v = getAtt(r.GetAtt[0], r.GetAtt[1])
	default:
		return fmt.Errorf("%s is neither a text nor a Ref nor a Fn::GetAtt", b)
	}
	return nil
}

package awscfn

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyTemplate draws a template of all that ours can say, sensible or not: what is rendered must be read again as it was.
func anyTemplate() *rapid.Generator[Template] {
	return rapid.Custom(func(t *rapid.T) Template {
		words := rapid.String()
		value := rapid.Custom(func(t *rapid.T) Value {
			switch id := rapid.StringMatching(`[A-Za-z0-9]{1,20}`); rapid.IntRange(0, 2).Draw(t, "sort of value") {
			case 0:
				return ref(id.Draw(t, "ref"))
			case 1:
				return getAtt(id.Draw(t, "of"), id.Draw(t, "attribute"))
			}
			return text(words.Draw(t, "text"))
		})
		tags := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tag { return Tag{words.Draw(t, "key"), words.Draw(t, "value")} }), 1, 3)
		properties := rapid.Custom(func(t *rapid.T) Properties {
			switch rapid.IntRange(0, 5).Draw(t, "type") {
			case 0:
				return &EIP{words.Draw(t, "domain"), tags.Draw(t, "tags")}
			case 1:
				return &Subnet{words.Draw(t, "vpc"), words.Draw(t, "cidr"), words.Draw(t, "zone"), tags.Draw(t, "tags")}
			case 2:
				return &RouteTable{words.Draw(t, "vpc"), tags.Draw(t, "tags")}
			case 3:
				return &SubnetRouteTableAssociation{value.Draw(t, "table"), value.Draw(t, "subnet")}
			case 4:
				return &NatGateway{value.Draw(t, "subnet"), value.Draw(t, "address"), words.Draw(t, "connectivity"), tags.Draw(t, "tags")}
			}
			return &Route{value.Draw(t, "table"), words.Draw(t, "destination"), value.Draw(t, "gateway"), words.Draw(t, "internet gateway")}
		})
		out := Template{Description: words.Draw(t, "description"), Resources: map[string]Resource{}, Outputs: map[string]Output{}}
		for range rapid.IntRange(0, 6).Draw(t, "resources") {
			r := Resource{
				DeletionPolicy:      rapid.SampledFrom([]Policy{"", Retain, RetainExceptOnCreate}).Draw(t, "deletion"),
				UpdateReplacePolicy: rapid.SampledFrom([]Policy{"", Retain}).Draw(t, "replacement"),
				Properties:          properties.Draw(t, "properties"),
			}
			if rapid.Bool().Draw(t, "depends") {
				r.DependsOn = []string{"A", "B"}
			}
			out.Resources[rapid.StringMatching(`[A-Za-z0-9]{1,30}`).Draw(t, "id")] = r
		}
		for range rapid.IntRange(0, 3).Draw(t, "outputs") {
			out.Outputs[rapid.StringMatching(`[A-Za-z0-9]{1,30}`).Draw(t, "output")] = Output{words.Draw(t, "description"), value.Draw(t, "value")}
		}
		return out
	})
}

func TestParseOfRenderIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyTemplate().Draw(t, "template")
		text, err := Render(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("it comes back as\n%#v\nand was\n%#v", got, want)
		}
		if again, err := Render(got); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("and is rendered as %s (%v), and was %s", again, err, text)
		}
	})
}

func TestParseRefusesWhatWeHaveNotWritten(t *testing.T) {
	const good = `{"AWSTemplateFormatVersion":"2010-09-09","Resources":{"EIPa":{"Type":"AWS::EC2::EIP","Properties":{"Domain":"vpc","Tags":null}}}}`
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatalf("a good one is refused: %v", err)
	}
	for _, c := range []struct{ old, new, says string }{
		{`AWS::EC2::EIP`, `AWS::EC2::Instance`, `"AWS::EC2::Instance" is no type of ours`},
		{`"Domain"`, `"InstanceId":"i-1","Domain"`, "InstanceId"},
		{`"Type"`, `"Condition":"C","Type"`, "Condition"},
		{`"Resources"`, `"Parameters":{},"Resources"`, "Parameters"},
		{`2010-09-09`, `2020-01-01`, "format"},
		{`"vpc"`, `{"Ref":"X","Fn::Sub":"Y"}`, "EIPa"},
		{good, good + good, "more after its end"},
		{good, "Resources:\n  EIPa: {}\n", "invalid character"},
	} {
		_, err := Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("with %s: the error is %v, and does not say %q", c.new, err, c.says)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"AWSTemplateFormatVersion":"x","Resources":{"A":{"Type":"X"},"B":{"Type":"Y"}},"Outputs":{"C":{"Export":1}}}`))
	for _, part := range []string{"format", "resource A", "resource B", "output C"} {
		if !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("%v: does not speak of %s", err, part)
		}
	}
}

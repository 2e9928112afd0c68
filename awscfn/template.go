package awscfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Template is all that one of our stacks says: the resources and outputs by their logical ids. It knows the six resource
// types that an egress path and its routes are made of, and no others.
type Template struct {
	Description string
	Resources   map[string]Resource
	Outputs     map[string]Output
}

// Resource is one thing that the stack makes.
type Resource struct {
	DeletionPolicy      Policy   // what becomes of it when it leaves the template, or the stack goes; empty: it is deleted
	UpdateReplacePolicy Policy   // and when another one takes its place
	DependsOn           []string // the logical ids that come first without being mentioned
	Properties          Properties
}

// Policy says what becomes of a thing that the stack lets go.
type Policy string

// The policies (CloudFormation user guide, "DeletionPolicy attribute"). RetainExceptOnCreate retains but for one case: the
// very operation that made the thing is rolled back.
const (
	Retain               Policy = "Retain"
	RetainExceptOnCreate Policy = "RetainExceptOnCreate"
)

// Properties are those of one of the six types: *EIP, *Subnet, *RouteTable, *SubnetRouteTableAssociation, *NatGateway, *Route.
type Properties interface {
	// Type is CloudFormation's name for it.
	Type() string
	// values lists what may refer to other resources.
	values() []Value
}

// Output is one value that the stack shows.
type Output struct {
	Description string `json:",omitempty"`
	Value       Value
}

// Tag is one tag of a resource.
type Tag struct{ Key, Value string }

// The types. All their fields but Tags are required, except where it is said.
type (
	// EIP is an Elastic IP. Ref gives its address, GetAtt AllocationId its id.
	EIP struct {
		Domain string
		Tags   []Tag
	}
	// Subnet is the NAT subnet.
	Subnet struct {
		VPCID            string `json:"VpcId"`
		CIDRBlock        string `json:"CidrBlock"`
		AvailabilityZone string
		Tags             []Tag
	}
	// RouteTable is the NAT subnet's.
	RouteTable struct {
		VPCID string `json:"VpcId"`
		Tags  []Tag
	}
	// SubnetRouteTableAssociation is that of the NAT subnet with its route table.
	SubnetRouteTableAssociation struct {
		RouteTableID Value `json:"RouteTableId"`
		SubnetID     Value `json:"SubnetId"`
	}
	// NatGateway is a public one.
	NatGateway struct {
		SubnetID         Value `json:"SubnetId"`
		AllocationID     Value `json:"AllocationId"`
		ConnectivityType string
		Tags             []Tag
	}
	// Route leads to a NAT gateway or to an internet gateway, to one of the two.
	Route struct {
		RouteTableID         Value  `json:"RouteTableId"`
		DestinationCIDRBlock string `json:"DestinationCidrBlock"`
		NatGatewayID         Value  `json:"NatGatewayId,omitzero"`
		GatewayID            string `json:"GatewayId,omitempty"`
	}
)

const typePrefix = "AWS::EC2::"

// Type is CloudFormation's name for it.
func (*EIP) Type() string { return typePrefix + "EIP" }

// Type is CloudFormation's name for it.
func (*Subnet) Type() string { return typePrefix + "Subnet" }

// Type is CloudFormation's name for it.
func (*RouteTable) Type() string { return typePrefix + "RouteTable" }

// Type is CloudFormation's name for it.
func (*SubnetRouteTableAssociation) Type() string { return typePrefix + "SubnetRouteTableAssociation" }

// Type is CloudFormation's name for it.
func (*NatGateway) Type() string { return typePrefix + "NatGateway" }

// Type is CloudFormation's name for it.
func (*Route) Type() string { return typePrefix + "Route" }

func (*EIP) values() []Value        { return nil }
func (*Subnet) values() []Value     { return nil }
func (*RouteTable) values() []Value { return nil }
func (a *SubnetRouteTableAssociation) values() []Value {
	return []Value{a.RouteTableID, a.SubnetID}
}
func (g *NatGateway) values() []Value { return []Value{g.SubnetID, g.AllocationID} }
func (r *Route) values() []Value      { return []Value{r.RouteTableID, r.NatGatewayID} }

// ofType makes empty properties of a type; nil of one that we do not know.
func ofType(name string) Properties {
	for _, p := range []Properties{&EIP{}, &Subnet{}, &RouteTable{}, &SubnetRouteTableAssociation{}, &NatGateway{}, &Route{}} {
		if p.Type() == name {
			return p
		}
	}
	return nil
}

// written is a template as it stands in JSON.
type written struct {
	AWSTemplateFormatVersion string
	Description              string                     `json:",omitempty"`
	Resources                map[string]json.RawMessage // each on a line of its own
	Outputs                  map[string]json.RawMessage `json:",omitempty"`
}

type writtenResource struct {
	Type                string
	DeletionPolicy      Policy          `json:",omitempty"`
	UpdateReplacePolicy Policy          `json:",omitempty"`
	DependsOn           []string        `json:",omitempty"`
	Properties          json.RawMessage `json:",omitempty"`
}

const formatVersion = "2010-09-09"

// Render gives a template in the one way in which it is written: equal templates are equal bytes, which hold no more
// than they must, for there is a limit to them. Each resource stands on a line of its own, so that two templates can be
// compared by people too.
func Render(t Template) ([]byte, error) {
	resources, err := inLines(t.Resources, func(r Resource) (any, error) {
		properties, err := json.Marshal(r.Properties)
		return writtenResource{
			r.Properties.Type(), r.DeletionPolicy, r.UpdateReplacePolicy, slices.Sorted(slices.Values(r.DependsOn)), properties,
		}, err
	})
	if err != nil {
		return nil, err
	}
	outputs, err := inLines(t.Outputs, func(o Output) (any, error) { return o, nil })
	if err != nil {
		return nil, err
	}
	description, err := json.Marshal(t.Description)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"AWSTemplateFormatVersion\":%q,\n\"Description\":%s,\n\"Resources\":%s", formatVersion, description, resources)
	if len(t.Outputs) > 0 {
		fmt.Fprintf(&b, ",\n\"Outputs\":%s", outputs)
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

func inLines[T any](things map[string]T, write func(T) (any, error)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, id := range slices.Sorted(maps.Keys(things)) {
		if i > 0 {
			b.WriteByte(',')
		}
		w, err := write(things[id])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		text, err := json.Marshal(w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		fmt.Fprintf(&b, "\n%q:%s", id, text)
	}
	b.WriteString("\n}")
	return b.Bytes(), nil
}

// Parse reads a template that was rendered here. It is strict: what it does not know, we did not write, and a stack that
// somebody else has changed is not ours to overwrite. The error names all that it does not know.
func Parse(text []byte) (Template, error) {
	var w written
	if err := strictly(text, &w); err != nil {
		return Template{}, fmt.Errorf("the template: %w", err)
	}
	t := Template{Description: w.Description, Resources: map[string]Resource{}, Outputs: map[string]Output{}}
	var errs []error
	if w.AWSTemplateFormatVersion != formatVersion {
		errs = append(errs, fmt.Errorf("the template's format is %q, not %s", w.AWSTemplateFormatVersion, formatVersion))
	}
	for _, id := range slices.Sorted(maps.Keys(w.Resources)) {
		r, err := parseResource(w.Resources[id])
		if err != nil {
			errs = append(errs, fmt.Errorf("the resource %s: %w", id, err))
		}
		t.Resources[id] = r
	}
	for _, id := range slices.Sorted(maps.Keys(w.Outputs)) {
		var o Output
		if err := strictly(w.Outputs[id], &o); err != nil {
			errs = append(errs, fmt.Errorf("the output %s: %w", id, err))
		}
		t.Outputs[id] = o
	}
	return t, errors.Join(errs...)
}

func parseResource(text []byte) (Resource, error) {
	var w writtenResource
	if err := strictly(text, &w); err != nil {
		return Resource{}, err
	}
	p := ofType(w.Type)
	if p == nil {
		return Resource{}, fmt.Errorf("%q is no type of ours", w.Type)
	}
	if err := strictly(w.Properties, p); err != nil {
		return Resource{}, err
	}
	return Resource{w.DeletionPolicy, w.UpdateReplacePolicy, w.DependsOn, p}, nil
}

func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after its end")
	}
	return nil
}

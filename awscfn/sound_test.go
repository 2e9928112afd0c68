package awscfn_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
)

// told is a template as CloudFormation reads it. It is read here by itself, and not by the code that wrote it, which would
// only find what it knows.
type told struct {
	Resources map[string]toldResource
	Outputs   map[string]struct{ Value any }
}

type toldResource struct {
	Type                                string
	DeletionPolicy, UpdateReplacePolicy string
	DependsOn                           []string
	Properties                          map[string]any
}

// inspector goes through a template and notes what is wrong with it.
type inspector struct {
	told
	problems []string
}

// faults is what is wrong with a template, whatever it is for, and whatever cfn-lint thinks of it: sorted.
func faults(body string) []string {
	in := &inspector{}
	if err := json.Unmarshal([]byte(body), &in.told); err != nil {
		return []string{err.Error()}
	}
	in.sizes(body)
	for _, id := range slices.Sorted(maps.Keys(in.Resources)) {
		r := in.Resources[id]
		in.resource(id, r)
		switch strings.TrimPrefix(r.Type, "AWS::EC2::") {
		case "EIP":
			in.address(id, r)
		case "Subnet":
			in.subnet(id, r)
		case "NatGateway":
			in.gateway(id, r)
		case "Route":
			in.route(id, r)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(in.Outputs)) {
		in.logicalID(id)
		in.led(id, in.Outputs[id].Value)
	}
	in.twice()
	in.cycles()
	slices.Sort(in.problems)
	return in.problems
}

func (in *inspector) blame(id, format string, a ...any) {
	in.problems = append(in.problems, id+": "+fmt.Sprintf(format, a...))
}

func (in *inspector) sizes(body string) {
	if n := len(in.Resources); n == 0 || n > 500 {
		in.blame("the template", "has %d resources", n)
	}
	if len(in.Outputs) > 200 {
		in.blame("the template", "has %d outputs", len(in.Outputs))
	}
	if len(body) > 1_000_000 {
		in.blame("the template", "has %d bytes", len(body))
	}
}

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

func (in *inspector) logicalID(id string) {
	if !logicalID.MatchString(id) {
		in.blame(id, "is no logical id")
	}
}

// properties are those of each type, with what each value may be. What begins with an exclamation mark must be there.
var properties = map[string]map[string]string{
	"EIP":                         {"Domain": "!vpc", "Tags": "!tags"},
	"Subnet":                      {"VpcId": "!vpc-", "CidrBlock": "!cidr", "AvailabilityZone": "!text", "Tags": "!tags"},
	"RouteTable":                  {"VpcId": "!vpc-", "Tags": "!tags"},
	"SubnetRouteTableAssociation": {"RouteTableId": "!rtb- RouteTable", "SubnetId": "!subnet- Subnet"},
	"NatGateway":                  {"SubnetId": "!subnet- Subnet", "AllocationId": "eipalloc- EIP.AllocationId", "ConnectivityType": "!text", "Tags": "!tags"},
	"Route":                       {"RouteTableId": "!rtb- RouteTable", "DestinationCidrBlock": "!cidr", "NatGatewayId": "nat- NatGateway", "GatewayId": "igw-"},
}

func (in *inspector) resource(id string, r toldResource) {
	in.logicalID(id)
	known := properties[strings.TrimPrefix(r.Type, "AWS::EC2::")]
	if known == nil {
		in.blame(id, "%s is no type of ours", r.Type)
	}
	for name, v := range r.Properties {
		if known[name] == "" {
			in.blame(id, "%s has no property %s", r.Type, name)
			continue
		}
		in.value(id, name, strings.TrimPrefix(known[name], "!"), v)
	}
	for name, what := range known {
		if _, there := r.Properties[name]; !there && strings.HasPrefix(what, "!") {
			in.blame(id, "has no %s", name)
		}
	}
	for _, to := range r.DependsOn {
		if _, there := in.Resources[to]; !there {
			in.blame(id, "depends on %s, which is not there", to)
		}
	}
	for _, policy := range []string{r.DeletionPolicy, r.UpdateReplacePolicy} {
		if !slices.Contains([]string{"", "Retain", "RetainExceptOnCreate"}, policy) {
			in.blame(id, "has the policy %s", policy)
		}
	}
	if r.UpdateReplacePolicy == "RetainExceptOnCreate" { // it is for deletions only
		in.blame(id, "has the policy %s for replacements", r.UpdateReplacePolicy)
	}
}

// value looks at one property: what it may be begins with a text's prefix, and ends with what may be referred to instead.
func (in *inspector) value(id, name, what string, v any) {
	prefix, instead, _ := strings.Cut(what, " ")
	text, isText := v.(string)
	switch {
	case what == "tags":
		in.tags(id, v)
	case what == "cidr":
		in.cidr(id, text)
	case what == "text":
		if text == "" {
			in.blame(id, "%s is %v", name, v)
		}
	case isText:
		if !strings.HasPrefix(text, prefix) {
			in.blame(id, "%s is %q", name, text)
		}
	default:
		if led := in.led(id, v); led != instead {
			in.blame(id, "%s leads to %q, and not to %q", name, led, instead)
		}
	}
}

// led is what a value refers to: a type, for Ref, or TYPE.ATTRIBUTE.
func (in *inspector) led(id string, v any) string {
	to, attribute := referred(v)
	if to == "" {
		return ""
	}
	r, there := in.Resources[to]
	if !there {
		in.blame(id, "leads to %s, which is not there", to)
	}
	kind := strings.TrimPrefix(r.Type, "AWS::EC2::")
	if attribute == "" {
		return kind
	}
	if kind+"."+attribute != "EIP.AllocationId" { // the only one that we ask for
		in.blame(id, "%s has no attribute %s", kind, attribute)
	}
	return kind + "." + attribute
}

func referred(v any) (to, attribute string) {
	m, _ := v.(map[string]any)
	if to, ok := m["Ref"].(string); ok && len(m) == 1 {
		return to, ""
	}
	if list, ok := m["Fn::GetAtt"].([]any); ok && len(m) == 1 && len(list) == 2 {
		return fmt.Sprint(list[0]), fmt.Sprint(list[1])
	}
	return "", ""
}

func (in *inspector) cidr(id, text string) {
	if p, err := netip.ParsePrefix(text); err != nil || p != p.Masked() || !p.Addr().Is4() {
		in.blame(id, "%q is no canonical network", text)
	}
}

var roles = map[string]string{
	"EIP": awsec2.RoleAddress, "Subnet": awsec2.RoleSubnet, "RouteTable": awsec2.RoleNATTable, "NatGateway": awsec2.RoleNATGateway,
}

// tags: whose it is and what for stands on all that can carry tags (rule 1), and nothing that others read otherwise.
func (in *inspector) tags(id string, v any) {
	have := map[string]string{}
	list, _ := v.([]any)
	for _, item := range list {
		tag, _ := item.(map[string]any)
		key, value := fmt.Sprint(tag["Key"]), fmt.Sprint(tag["Value"])
		if _, again := have[key]; again {
			in.blame(id, "has the tag %s twice", key)
		}
		if have[key] = value; key == tagKey || strings.HasPrefix(key, "aws:") || strings.HasPrefix(key, "kubernetes.io/cluster/") {
			in.blame(id, "has the tag %s", key)
		}
	}
	role := roles[strings.TrimPrefix(in.Resources[id].Type, "AWS::EC2::")]
	if have[awsec2.TagRole] != role {
		in.blame(id, "has the role %q", have[awsec2.TagRole])
	}
	for _, key := range []string{awsec2.TagCluster, awsec2.TagController, awsec2.TagZone, awsec2.TagStack, "Name"} {
		if have[key] == "" {
			in.blame(id, "has no tag %s", key)
		}
	}
	if len(have) > 47 { // 50, and CloudFormation's own three
		in.blame(id, "has %d tags", len(have))
	}
}

func (in *inspector) address(id string, r toldResource) {
	if r.DeletionPolicy != "Retain" && r.DeletionPolicy != "RetainExceptOnCreate" {
		in.blame(id, "would be released with the DeletionPolicy %q", r.DeletionPolicy)
	}
	if r.UpdateReplacePolicy != "Retain" {
		in.blame(id, "would be released with the UpdateReplacePolicy %q", r.UpdateReplacePolicy)
	}
}

func (in *inspector) subnet(id string, r toldResource) {
	p, _ := netip.ParsePrefix(fmt.Sprint(r.Properties["CidrBlock"]))
	if p.Bits() < 16 || p.Bits() > 28 {
		in.blame(id, "%s is no size of a subnet", p)
	}
}

// gateway: a public one has an address, a private one has none; and it waits for what it rests on (rule 15).
func (in *inspector) gateway(id string, r toldResource) {
	_, has := r.Properties["AllocationId"]
	kind := fmt.Sprint(r.Properties["ConnectivityType"])
	if kind != "public" && kind != "private" || has != (kind == "public") {
		in.blame(id, "is %s, and has an address: %t", kind, has)
	}
	subnet, _ := referred(r.Properties["SubnetId"])
	for other, a := range in.Resources {
		serves, _ := referred(a.Properties["SubnetId"])
		if a.Type != "AWS::EC2::SubnetRouteTableAssociation" || serves != subnet || subnet == "" {
			continue
		}
		in.waits(id, r, other)
		for route, d := range in.Resources {
			if d.Properties["DestinationCidrBlock"] == "0.0.0.0/0" && sameValue(d.Properties["RouteTableId"], a.Properties["RouteTableId"]) {
				in.waits(id, r, route)
			}
		}
	}
}

func (in *inspector) waits(id string, r toldResource, on string) {
	if !slices.Contains(r.DependsOn, on) {
		in.blame(id, "does not wait for %s", on)
	}
}

func sameValue(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func (in *inspector) route(id string, r toldResource) {
	_, nat := r.Properties["NatGatewayId"]
	_, internet := r.Properties["GatewayId"]
	if nat == internet {
		in.blame(id, "leads to one target: to a NAT gateway %t, to an internet gateway %t", nat, internet)
	}
	if everywhere := r.Properties["DestinationCidrBlock"] == "0.0.0.0/0"; everywhere != internet {
		in.blame(id, "leads %v to the wrong kind of target", r.Properties["DestinationCidrBlock"])
	}
}

// twice finds what two resources claim and only one can have.
func (in *inspector) twice() {
	claims := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(in.Resources)) {
		p, claim := in.Resources[id].Properties, ""
		switch strings.TrimPrefix(in.Resources[id].Type, "AWS::EC2::") {
		case "Route":
			claim = fmt.Sprint("the route of ", p["RouteTableId"], " to ", p["DestinationCidrBlock"])
		case "NatGateway":
			claim = fmt.Sprint("the address ", p["AllocationId"])
		case "SubnetRouteTableAssociation":
			claim = fmt.Sprint("the association of ", p["SubnetId"])
		case "Subnet":
			claim = fmt.Sprint("the block ", p["CidrBlock"])
		}
		if claims[claim] != "" && claim != "" {
			in.blame(id, "has %s, as %s has", claim, claims[claim])
		}
		claims[claim] = id
	}
}

func (in *inspector) cycles() {
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(id string)
	visit = func(id string) {
		state[id] = open
		next := slices.Clone(in.Resources[id].DependsOn)
		for _, v := range in.Resources[id].Properties {
			to, _ := referred(v)
			next = append(next, to)
		}
		slices.Sort(next)
		for _, to := range next {
			switch state[to] {
			case open:
				in.blame(id, "waits for %s, which waits for it", to)
			case 0:
				visit(to)
			}
		}
		state[id] = done
	}
	for _, id := range slices.Sorted(maps.Keys(in.Resources)) {
		if state[id] == 0 {
			visit(id)
		}
	}
}

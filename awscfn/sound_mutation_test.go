package awscfn_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planted is a template with a mistake in it.
type planted struct {
	Resources, Outputs map[string]map[string]any
}

func (p planted) properties(id string) map[string]any {
	return p.Resources[id]["Properties"].(map[string]any)
}

// Mistakes are planted in a template that is sound, those first that cfn-lint does not see. Each is found.
func TestPlantedMistakesAreFound(t *testing.T) {
	const (
		table   = "RouteTableeuXcentralX1a"
		subnet  = "SubneteuXcentralX1a"
		address = "EIPeuXcentralX1a"
		gateway = "NatGatewayeuXcentralX1a"
		ways    = "DefaultRouteeuXcentralX1a"
		serves  = "AssociationeuXcentralX1a"
	)
	one, two := routesOf(t)
	for _, c := range []struct {
		name, says string
		plant      func(planted)
	}{
		{"a route with no target", "leads to one target", func(p planted) { delete(p.properties(one), "NatGatewayId") }},
		{"a route with two targets", "leads to one target", func(p planted) { p.properties(one)["GatewayId"] = "igw-1" }},
		{"a public gateway without an address", "is public, and has an address: false", func(p planted) { delete(p.properties(gateway), "AllocationId") }},
		{"a private gateway with one", "is private, and has an address: true", func(p planted) { p.properties(gateway)["ConnectivityType"] = "private" }},
		{"the address itself as its id", `AllocationId leads to "EIP"`, func(p planted) { p.properties(gateway)["AllocationId"] = reference(address) }},
		{"the address in words as its id", `AllocationId is "1.2.3.4"`, func(p planted) { p.properties(gateway)["AllocationId"] = "1.2.3.4" }},
		{"a NAT gateway as an internet gateway", "GatewayId leads to", func(p planted) { p.properties(ways)["GatewayId"] = reference(gateway) }},
		{"a NAT gateway's id as an internet gateway's", `GatewayId is "nat-1"`, func(p planted) { p.properties(ways)["GatewayId"] = "nat-1" }},
		{"the same route twice", "has the route of", func(p planted) {
			p.properties(two)["RouteTableId"] = p.properties(one)["RouteTableId"]
			p.properties(two)["DestinationCidrBlock"] = p.properties(one)["DestinationCidrBlock"]
		}},
		{"a subnet that is too small", "is no size of a subnet", func(p planted) { p.properties(subnet)["CidrBlock"] = "172.31.64.0/29" }},
		{"a subnet that is too large", "is no size of a subnet", func(p planted) { p.properties(subnet)["CidrBlock"] = "172.0.0.0/15" }},
		{"a subnet that is not canonical", "is no canonical network", func(p planted) { p.properties(subnet)["CidrBlock"] = "172.31.64.1/28" }},
		{"a target that is not canonical", "is no canonical network", func(p planted) { p.properties(one)["DestinationCidrBlock"] = "192.112.1.0/21" }},
		{"a target that is none", "is no canonical network", func(p planted) { p.properties(one)["DestinationCidrBlock"] = "8.8.8.8" }},
		{"an IPv6 target", "is no canonical network", func(p planted) { p.properties(one)["DestinationCidrBlock"] = "2001:db8::/32" }},

		{"a route to everywhere through a NAT gateway", "wrong kind of target", func(p planted) { p.properties(one)["DestinationCidrBlock"] = "0.0.0.0/0" }},
		{"a default route to somewhere", "wrong kind of target", func(p planted) { p.properties(ways)["DestinationCidrBlock"] = "8.0.0.0/8" }},
		{"a reference into the void", "leads to Nowhere, which is not there", func(p planted) { p.properties(one)["NatGatewayId"] = reference("Nowhere") }},
		{"an attribute of the void", "leads to Nowhere, which is not there", func(p planted) { p.properties(gateway)["AllocationId"] = attribute("Nowhere", "AllocationId") }},
		{"an attribute that there is not", "has no attribute Id", func(p planted) { p.properties(gateway)["AllocationId"] = attribute(address, "Id") }},
		{"an output of the void", "leads to Nowhere, which is not there", func(p planted) { p.Outputs["X"] = map[string]any{"Value": reference("Nowhere")} }},
		{"a wait for the void", "depends on Nowhere, which is not there", func(p planted) { p.Resources[gateway]["DependsOn"] = []string{"Nowhere", ways, serves} }},
		{"a route through a subnet", `NatGatewayId leads to "Subnet"`, func(p planted) { p.properties(one)["NatGatewayId"] = reference(subnet) }},
		{"a circle", "which waits for it", func(p planted) { p.Resources[table]["DependsOn"] = []string{gateway} }},
		{"a wait for itself", "which waits for it", func(p planted) { p.Resources[table]["DependsOn"] = []string{table} }},
		{"too many resources", "has 501 resources", func(p planted) {
			for i := len(p.Resources); i < 501; i++ {
				p.Resources[fmt.Sprint("More", i)] = p.Resources[table]
			}
		}},
		{"no resources", "has 0 resources", func(p planted) { clear(p.Resources) }},
		{"a logical id with a dash", "is no logical id", func(p planted) { p.Resources["A-B"] = p.Resources[table] }},
		{"a logical id that is too long", "is no logical id", func(p planted) { p.Resources[strings.Repeat("A", 256)] = p.Resources[table] }},
		{"an output's id with a dash", "is no logical id", func(p planted) { p.Outputs["A-B"] = p.Outputs["PublicIpeuXcentralX1a"] }},
		{"a type that we do not make", "is no type of ours", func(p planted) { p.Resources[table]["Type"] = "AWS::EC2::VPC" }},
		{"a property that there is not", "has no property MapPublicIpOnLaunch", func(p planted) { p.properties(subnet)["MapPublicIpOnLaunch"] = true }},
		{"a subnet in no zone", "has no AvailabilityZone", func(p planted) { delete(p.properties(subnet), "AvailabilityZone") }},
		{"a policy that there is not", "has the policy Keep", func(p planted) { p.Resources[one]["DeletionPolicy"] = "Keep" }},

		{"an address that goes with its stack", "would be released with the DeletionPolicy", func(p planted) { p.Resources[address]["DeletionPolicy"] = "Delete" }},
		{"an address without a policy", "would be released with the DeletionPolicy", func(p planted) { delete(p.Resources[address], "DeletionPolicy") }},
		{"an address that goes when it is replaced", "would be released with the UpdateReplacePolicy", func(p planted) { delete(p.Resources[address], "UpdateReplacePolicy") }},
		{"a replacement policy that is for deletions", "for replacements", func(p planted) { p.Resources[address]["UpdateReplacePolicy"] = "RetainExceptOnCreate" }},
		{"two gateways with one address", "has the address", func(p planted) {
			p.properties("NatGatewayeuXcentralX1b")["AllocationId"] = p.properties(gateway)["AllocationId"]
		}},
		{"two tables for one subnet", "has the association of", func(p planted) {
			p.properties("AssociationeuXcentralX1b")["SubnetId"] = reference(subnet)
		}},
		{"two subnets in one block", "has the block", func(p planted) {
			p.properties("SubneteuXcentralX1b")["CidrBlock"] = p.properties(subnet)["CidrBlock"]
		}},
		{"a gateway that does not wait for its way out", "does not wait for " + ways, func(p planted) { p.Resources[gateway]["DependsOn"] = []string{serves} }},
		{"a gateway that does not wait for its table", "does not wait for " + serves, func(p planted) { p.Resources[gateway]["DependsOn"] = []string{ways} }},

		{"an address without tags", "has no Tags", func(p planted) { delete(p.properties(address), "Tags") }},
		{"a tag that is missing", "has no tag static-egress/cluster", func(p planted) { retag(p.properties(table), "static-egress/cluster", "another") }},
		{"another role", `has the role "eip"`, func(p planted) { p.properties(table)["Tags"] = p.properties(address)["Tags"] }},
		{"the tag of DMZ tables", "has the tag AvailabilityZone", func(p planted) { retag(p.properties(table), "team", tagKey) }},
		{"a tag of AWS's", "has the tag aws:x", func(p planted) { retag(p.properties(table), "team", "aws:x") }},
		{"a tag for load balancers", "has the tag kubernetes.io/cluster/x", func(p planted) { retag(p.properties(table), "team", "kubernetes.io/cluster/x") }},
		{"a tag twice", "has the tag Name twice", func(p planted) { retag(p.properties(table), "team", "Name") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := readGolden(t, "three-zones")
			c.plant(p)
			body, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(faults(string(body)), "\n"); !strings.Contains(found, c.says) {
				t.Errorf("%q is not among what is found:\n%s", c.says, found)
			}
		})
	}
}

func TestWhatIsNoTemplateIsFound(t *testing.T) {
	for _, body := range []string{"", "Resources: {}", `{"Resources": {`, `{"Resources": {}, "Description": "` + strings.Repeat("x", 1_000_000) + `"}`} {
		if len(faults(body)) == 0 {
			t.Errorf("nothing is wrong with %.40q", body)
		}
	}
}

func readGolden(t *testing.T, name string) planted {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p planted
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// routesOf are two of the target routes.
func routesOf(t *testing.T) (one, two string) {
	t.Helper()
	for id := range readGolden(t, "three-zones").Resources {
		if strings.HasPrefix(id, "RouteX") || strings.HasPrefix(id, "Routertb") {
			if one, two = two, id; one != "" {
				return one, two
			}
		}
	}
	t.Fatal("there are no two routes")
	return "", ""
}

func reference(id string) map[string]any { return map[string]any{"Ref": id} }

func attribute(id, name string) map[string]any {
	return map[string]any{"Fn::GetAtt": []string{id, name}}
}

// retag gives a tag of a resource another key.
func retag(properties map[string]any, from, to string) {
	for _, tag := range properties["Tags"].([]any) {
		if tag := tag.(map[string]any); tag["Key"] == from {
			tag["Key"] = to
		}
	}
}

package conformance

// way is a template with a route of a table of its own.
func (s *site) way(cidr, gateway string) resources {
	return s.declare("Table").add("Way", "Route", "RouteTableId", ref("Table"), "DestinationCidrBlock", cidr, "NatGatewayId", gateway)
}

func (s *site) net(cidr string) resources {
	return resources{}.add("Net", "Subnet", "VpcId", s.VPC, "CidrBlock", cidr, "AvailabilityZone", s.Zones[0])
}

// wholePath is an egress path in a template, with a tag on its address.
func (s *site) wholePath(tag string) resources {
	return s.net(block).add("Address", "EIP", "Domain", "vpc", "Tags", withTag("v", tag)).
		add("Gateway", "NatGateway", "SubnetId", ref("Net"), "AllocationId", allocation()).
		add("Table", "RouteTable", "VpcId", s.VPC).
		add("Way", "Route", "RouteTableId", ref("Table"), "DestinationCidrBlock", target, "NatGatewayId", ref("Gateway"))
}

// changeFacts are about what a change set says that it will do.
var changeFacts = []fact{
	{
		name:   "a change set says what it adds and removes",
		source: "SDK, ResourceChange.Action, .PolicyAction",
		aws:    "Add C and Remove A Delete and Remove B Retain",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A", "B").with("B", "DeletionPolicy", "Retain").text())
			s.propose("one", updates, s.declare("C").text())
			return s.changesText("one")
		},
	},
	{
		name:   "a route's gateway is changed in place",
		source: "CloudFormation template reference, \"AWS::EC2::Route\": NatGatewayId, no interruption",
		rules:  Rules{Swift: true},
		aws:    "Modify Way False, UPDATE_COMPLETE, 8.8.8.0/24 active, 0 deletions",
		see: func(s *site) string {
			one := s.availableGateway()
			two := s.gateway(s.subnet(block2), s.address())
			outputs := map[string]any{"Table": ref("Table")}
			s.deploy(creates, s.way(target, one).telling(outputs))
			s.propose("one", updates, s.way(target, two).telling(outputs))
			changes := s.changesText("one")
			s.execute("one")
			deletions := "0 deletions"
			if s.inOrder("Way DELETE_COMPLETE") != "" {
				deletions = "a deletion"
			}
			return say(changes, s.status(), s.routes(s.output("Table")), deletions)
		},
	},
	{
		name:   "a route's network is changed by another route",
		source: "CloudFormation template reference, \"AWS::EC2::Route\": DestinationCidrBlock, replacement",
		rules:  Rules{Swift: true},
		aws:    "Modify Way True ReplaceAndDelete",
		see: func(s *site) string {
			gateway := s.availableGateway()
			s.deploy(creates, s.way(target, gateway).text())
			s.propose("one", updates, s.way(elsewhere, gateway).text())
			return s.changesText("one")
		},
	},
	{
		name:   "a subnet's block is changed by another subnet",
		source: "CloudFormation template reference, \"AWS::EC2::Subnet\": CidrBlock, replacement",
		aws:    "Modify Net True ReplaceAndDelete",
		see: func(s *site) string {
			s.deploy(creates, s.net(block).text())
			s.propose("one", updates, s.net(block2).text())
			return s.changesText("one")
		},
	},
	{
		name:   "what is retained when it is replaced is said to be",
		source: "SDK, ResourceChange.PolicyAction; " + replaceGuide,
		aws:    "Modify Net True ReplaceAndRetain",
		see: func(s *site) string {
			s.deploy(creates, s.net(block).with("Net", "UpdateReplacePolicy", "Retain").text())
			s.propose("one", updates, s.net(block2).with("Net", "UpdateReplacePolicy", "Retain").text())
			return s.changesText("one")
		},
	},
	{
		name:   "tags are changed in place",
		source: "CloudFormation template reference, \"AWS::EC2::EIP\": Tags, no interruption",
		aws:    "Modify Address False",
		see: func(s *site) string {
			eip := func(tag string) string {
				return resources{}.add("Address", "EIP", "Domain", "vpc", "Tags", withTag("v", tag)).text()
			}
			s.deploy(creates, eip("1"))
			s.propose("one", updates, eip("2"))
			return s.changesText("one")
		},
	},
	{
		name:   "what refers to an attribute of a changed thing may be replaced, and is not",
		source: changeSetGuide + ", \"Example change sets\": Dynamic, Conditional; that a change in place is enough for it is assumed",
		rules:  Rules{Swift: true},
		aws:    "Modify Address False and Modify Gateway Conditional ReplaceAndDelete and Modify Way False, UPDATE_COMPLETE, the same gateway",
		see: func(s *site) string {
			outputs := map[string]any{"Gateway": ref("Gateway")}
			s.deploy(creates, s.wholePath("1").telling(outputs))
			before := s.output("Gateway")
			s.propose("one", updates, s.wholePath("2").telling(outputs))
			changes := s.changesText("one")
			s.execute("one")
			which := "another gateway"
			if s.output("Gateway") == before {
				which = "the same gateway"
			}
			return say(changes, s.status(), which)
		},
	},
	{
		name:   "a logical id keeps its type",
		source: "CloudFormation user guide, \"Troubleshooting CloudFormation\"; seen in words: Update of resource type is not permitted",
		aws:    "ValidationError",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return s.propose("one", updates, resources{}.add("A", "EIP", "Domain", "vpc").text())
		},
	},
	{
		name:   "other outputs alone are a change",
		source: "aws/aws-cdk#2029: a change set that is executable but has 0 changes",
		aws:    "CREATE_COMPLETE AVAILABLE, none, ok, UPDATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.propose("one", updates, s.declare("A").telling(map[string]any{"A": ref("A")}))
			return say(s.states("one"), s.changesText("one"), s.execute("one"), s.status())
		},
	},
}

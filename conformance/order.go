package conformance

import "strings"

// orderFacts are about what comes first.
var orderFacts = []fact{
	{
		name:   "what is new is made before what is old is deleted",
		source: updateGuide + "; " + statusGuide + ", UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
		aws:    "B CREATE_COMPLETE then egress UPDATE_COMPLETE_CLEANUP_IN_PROGRESS then A DELETE_COMPLETE then egress UPDATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.deploy(updates, s.declare("B").text())
			return s.inOrder("B CREATE_COMPLETE", "egress UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "A DELETE_COMPLETE", "egress UPDATE_COMPLETE")
		},
	},
	{
		name:   "what is replaced is made anew before the old one is deleted",
		source: updateGuide + ": replacement",
		aws:    "Net UPDATE_COMPLETE then egress UPDATE_COMPLETE_CLEANUP_IN_PROGRESS then Net DELETE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.net(block).text())
			s.deploy(updates, s.net(block2).text())
			return s.inOrder("Net UPDATE_COMPLETE", "egress UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Net DELETE_COMPLETE")
		},
	},
	{
		name:   "so a replacement that cannot stand beside the old one fails",
		source: updateGuide + ": replacement; " + errorCodes + ", InvalidSubnet.Conflict",
		aws:    "UPDATE_ROLLBACK_COMPLETE, 0 tables 1 subnets 0 addresses",
		see: func(s *site) string {
			s.deploy(creates, s.net("172.31.64.0/27").text())
			return say(s.deploy(updates, s.net(block).text()), s.ours())
		},
	},
	{
		name:   "and so does a route under another logical id",
		source: updateGuide + "; " + errorCodes + ", RouteAlreadyExists",
		rules:  Rules{Swift: true},
		aws:    "UPDATE_ROLLBACK_COMPLETE, 8.8.8.0/24 active",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			way := func(id string) string {
				return resources{}.add(id, "Route", "RouteTableId", table, "DestinationCidrBlock", target, "NatGatewayId", gateway).text()
			}
			s.deploy(creates, way("Way"))
			return say(s.deploy(updates, way("Ways")), s.routes(table))
		},
	},
	{
		name:   "what is referred to is made first, and deleted last",
		source: "CloudFormation template reference, \"DependsOn attribute\": implicit dependencies",
		rules:  Rules{Swift: true},
		aws:    "Address CREATE_COMPLETE then Gateway CREATE_COMPLETE then Way CREATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.wholePath("1").text())
			return s.inOrder("Address CREATE_COMPLETE", "Gateway CREATE_COMPLETE", "Way CREATE_COMPLETE")
		},
	},
	{
		name:   "what is waited for is made first",
		source: "CloudFormation template reference, \"DependsOn attribute\"",
		aws:    "Z CREATE_COMPLETE then A CREATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A", "Z").with("A", "DependsOn", []string{"Z"}).text())
			return s.inOrder("A CREATE_COMPLETE", "Z CREATE_COMPLETE")
		},
	},
	{
		name:   "a gateway is made when it is available",
		source: "CloudFormation template reference, \"AWS::EC2::NatGateway\"; what refers to it comes after: \"DependsOn attribute\"",
		rules:  Rules{Swift: true},
		aws:    "CREATE_COMPLETE, active",
		see: func(s *site) string {
			end := s.deploy(creates, s.wholePath("1").telling(map[string]any{"Table": ref("Table")}))
			_, state, _ := strings.Cut(s.routes(s.output("Table")), " ")
			return say(end, state)
		},
	},
	{
		name:   "an operation begins and ends with the stack's own events",
		source: "SDK, DescribeStackEvents: in reverse chronological order",
		aws:    "egress REVIEW_IN_PROGRESS then egress CREATE_IN_PROGRESS then A CREATE_IN_PROGRESS then A CREATE_COMPLETE then egress CREATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return s.inOrder("egress REVIEW_IN_PROGRESS", "egress CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_COMPLETE", "egress CREATE_COMPLETE")
		},
	},
}

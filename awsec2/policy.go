package awsec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Statement is one statement of an IAM policy: it allows Actions on Resources where all Conditions hold. Conditions are
// listed by operator, and by key.
type Statement struct {
	Sid                string
	Actions, Resources []string
	Conditions         map[string]map[string][]string
}

// Rights is what a policy depends on besides the [Config].
type Rights struct {
	Release  bool     // --eip-reclaim-policy=Delete: addresses of ours may be released
	Brought  []string // the allocation ids of the addresses that the user brings
	TakeOver []string // the former owners whose things become ours (rule 16)
}

// Statements are what a role must be allowed for all EC2 calls of this provider, and no more: those of an IAM policy, in an
// order that is always the same. Of the Config it takes the VPC, the tags and whose things are ours; nothing is looked up,
// and no account or region is named. With a Stack, what CloudFormation calls with the caller's rights is among them.
//
// Which action is asked for which resources, and which conditions there are, is from the Service Authorization Reference
// ("Actions, resources, and condition keys for Amazon EC2"). An action that touches several resources must be allowed for
// each of them. That the tags of a creating call are one more question, about ec2:CreateTags with ec2:CreateAction, and that
// a call without tags does not ask it, is from the EC2 user guide ("Grant permission to tag resources during creation");
// so the creating actions themselves are only allowed with our tags (rule 1).
func Statements(c Config, r Rights) []Statement {
	c = c.withDefaults()
	r = Rights{r.Release, slices.Sorted(slices.Values(r.Brought)), slices.Sorted(slices.Values(r.TakeOver))}
	all := []Statement{{Sid: "LookAround", Actions: c.reads(), Resources: []string{"*"}}}
	all = append(all, c.making()...)
	all = append(all, c.changing(r)...)
	return append(all, c.tagging(r)...)
}

// reads take no resource but *, apart from the last, whose prefix lists are anybody's.
func (c Config) reads() []string {
	actions := []string{
		"ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeManagedPrefixLists",
		"ec2:DescribeNatGateways", "ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:GetManagedPrefixListEntries",
	}
	if c.Stack != "" { // reading a subnet, in the schema of AWS::EC2::Subnet
		actions = append(actions, "ec2:DescribeNetworkAcls")
	}
	slices.Sort(actions)
	return actions
}

// making allows to make things that say whose they are.
func (c Config) making() []Statement {
	ours := condition("StringEquals", c.ours("aws:RequestTag/"))
	return []Statement{
		{
			Sid: "MakeWithOurTags", Actions: []string{"ec2:AllocateAddress", "ec2:CreateRouteTable", "ec2:CreateSubnet"},
			Resources: everyEC2("elastic-ip", "route-table", "subnet"), Conditions: ours,
		},
		{
			// Apart from the others: in one statement with them, our tags in the call would allow any address and any subnet.
			Sid: "MakeGatewaysWithOurTags", Actions: []string{"ec2:CreateNatGateway"},
			Resources: everyEC2("natgateway"), Conditions: ours,
		},
		{
			Sid: "MakeThemInTheVPC", Actions: []string{"ec2:CreateRouteTable", "ec2:CreateSubnet"},
			Resources: []string{vpcARN(c.VPC)},
		},
	}
}

// changing allows to change and delete what is ours, to use an address, and to change routes in DMZ tables.
func (c Config) changing(r Rights) []Statement {
	ours := condition("StringEquals", c.ours("aws:ResourceTag/"))
	actions := []string{
		"ec2:AssociateRouteTable", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:DeleteRouteTable",
		"ec2:DeleteSubnet", "ec2:DisassociateRouteTable", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation",
	}
	if c.Stack != "" { // making a subnet, in the schema of AWS::EC2::Subnet
		actions = append(actions, "ec2:ModifySubnetAttribute")
	}
	slices.Sort(actions)
	all := []Statement{
		{
			Sid: "ChangeOurSubnetsAndTables", Actions: actions,
			Resources: everyEC2("route-table", "subnet"), Conditions: c.inVPC(ours),
		},
		{
			Sid: "RoutesInTaggedTables", Actions: []string{"ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"},
			Resources: everyEC2("route-table"), Conditions: c.inVPC(c.ofDMZ()),
		},
		{
			Sid: "UseOurAddressesAndDeleteOurGateways", Actions: []string{"ec2:CreateNatGateway", "ec2:DeleteNatGateway"},
			Resources: everyEC2("elastic-ip", "natgateway"), Conditions: ours,
		},
	}
	if len(r.Brought) > 0 {
		s := Statement{Sid: "UseBroughtAddresses", Actions: []string{"ec2:CreateNatGateway"}}
		for _, id := range r.Brought {
			s.Resources = append(s.Resources, ec2ARN("elastic-ip", id))
		}
		all = append(all, s)
	}
	if r.Release {
		s := Statement{Sid: "ReleaseOurAddresses", Actions: []string{"ec2:ReleaseAddress"}, Resources: everyEC2("elastic-ip"), Conditions: ours}
		if len(r.Brought) > 0 { // what is brought may have been ours, and has our tags still
			s.Conditions = ours.and("StringNotEquals", map[string][]string{"ec2:AllocationId": r.Brought})
		}
		all = append(all, s)
	}
	return all
}

// tagging allows tags of ours and of the user's and no others: never the one of DMZ tables, nor one by which somebody else
// knows what is theirs.
func (c Config) tagging(r Rights) []Statement {
	ours := condition("StringEquals", c.ours("aws:ResourceTag/"))
	things := everyEC2("elastic-ip", "natgateway", "route-table", "subnet")
	keys := condition("ForAllValues:StringLike", map[string][]string{"aws:TagKeys": c.tagKeys()})
	all := []Statement{{
		Sid: "TagWhatIsMade", Actions: []string{"ec2:CreateTags"}, Resources: things,
		Conditions: keys.and("StringEquals", map[string][]string{
			"ec2:CreateAction": {"AllocateAddress", "CreateNatGateway", "CreateRouteTable", "CreateSubnet"},
		}),
	}}
	if c.Stack == "" {
		// Nobody's things are taken, and those of the owners that are named; whoever else owns something keeps it (rule 16).
		former := map[string][]string{"aws:ResourceTag/" + TagOwner: literals(append(r.TakeOver, reconcile.Nobody))}
		return append(all, Statement{
			Sid: "WriteTheOwner", Actions: []string{"ec2:CreateTags"}, Resources: things,
			Conditions: ours.and("StringEqualsIfExists", former).
				and("ForAllValues:StringEquals", map[string][]string{"aws:TagKeys": {TagOwner}}),
		})
	}
	// CloudFormation writes each tag that differs from the template, and takes those off first that have another value or are
	// no more in it. The tags by which a thing is known as ours never differ (rule 1).
	return append(all,
		Statement{
			Sid: "TagWhatIsOurs", Actions: []string{"ec2:CreateTags"}, Resources: things,
			Conditions: keys.and("StringEquals", ours["StringEquals"]),
		},
		Statement{
			Sid: "TakeOffOtherTags", Actions: []string{"ec2:DeleteTags"}, Resources: things,
			Conditions: ours.and("ForAllValues:StringNotEquals", map[string][]string{
				"aws:TagKeys": {TagCluster, TagController, TagRole, TagZone},
			}),
		})
}

// conditions are those of a statement. They are values: and makes others.
type conditions map[string]map[string][]string

func condition(operator string, keys map[string][]string) conditions {
	return conditions{}.and(operator, keys)
}

// and adds keys to those of an operator.
func (c conditions) and(operator string, keys map[string][]string) conditions {
	out := conditions{}
	for op, had := range c {
		out[op] = maps.Clone(had)
	}
	if out[operator] == nil {
		out[operator] = map[string][]string{}
	}
	maps.Copy(out[operator], keys)
	return out
}

// inVPC is the same in our VPC only, if it is known.
func (c Config) inVPC(of conditions) conditions {
	if c.VPC == "" {
		return of
	}
	return of.and("ArnEquals", map[string][]string{"ec2:Vpc": {vpcARN(c.VPC)}})
}

// ours are the tags that say whose a thing is, after the prefix of the condition key.
func (c Config) ours(prefix string) map[string][]string {
	keys := map[string][]string{}
	for k, v := range c.identity() {
		keys[prefix+k] = literals([]string{v})
	}
	return keys
}

// ofDMZ holds for the route tables that carry the tag key, with whatever zone, and all further tags.
func (c Config) ofDMZ() conditions {
	out := condition("Null", map[string][]string{"aws:ResourceTag/" + c.TagKey: {"false"}})
	for k, v := range c.TableTags {
		out = out.and("StringEquals", map[string][]string{"aws:ResourceTag/" + k: literals([]string{v})})
	}
	return out
}

// tagKeys are the keys of all tags that are ever written, sorted, as StringLike takes them. Where there is a stack,
// CloudFormation's own are among them.
func (c Config) tagKeys() []string {
	keys := []string{tagName, tagPrefix + "*"}
	for _, k := range literals(sortedKeys(c.Tags)) {
		keys = append(keys, strings.NewReplacer("*", "${*}", "?", "${?}").Replace(k))
	}
	if c.Stack != "" {
		keys = append(keys, "aws:cloudformation:*")
	}
	slices.Sort(keys)
	return keys
}

// literals are the values as IAM takes them for what they are: ${ would begin a policy variable (IAM user guide, "IAM
// policy elements: Variables and tags").
func literals(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.ReplaceAll(v, "${", "${$}{"))
	}
	return out
}

// everyEC2 are the ARNs of all resources of some types, in whichever partition, region and account the role is used.
func everyEC2(types ...string) []string {
	var out []string
	for _, t := range types {
		out = append(out, ec2ARN(t, "*"))
	}
	return out
}

func ec2ARN(kind, id string) string { return "arn:*:ec2:*:*:" + kind + "/" + id }

func vpcARN(id string) string {
	if id == "" {
		id = "*"
	}
	return ec2ARN("vpc", id)
}

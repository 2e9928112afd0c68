package conformance

// LocalStack is the name of the LocalStack that the end-to-end tests start, with what e2e/localstack/awslike mends in it.
const LocalStack = "LocalStack"

// Difference is a fact that a cloud is known to get wrong. It is tried all the same: when the cloud does something else
// again, or what AWS does, the test of the fact fails, and this table is mended.
type Difference struct {
	Cloud string
	Fact  string
	Shows string // instead of what AWS shows, which stands with the fact, as does where that is written
	Why   string // how it comes to that
}

// Differences are all that are known. Whoever reads an end-to-end test should know them: none of them is something that
// such a test may rely on.
var Differences = []Difference{
	{
		LocalStack, "tags for another kind of thing are refused",
		"ok", "moto reads TagSpecifications without their kind",
	},
	{
		LocalStack, "a backslash takes a wildcard's meaning",
		"0, 0", "moto turns a filter's value into a pattern in which a backslash stands for itself",
	},
	{
		LocalStack, "route tables can be filtered by the states of their routes",
		"InternalFailure", "moto computes no state of a route; it is written into the answer",
	},
	{
		LocalStack, "a filter that nobody knows is refused",
		"InternalFailure", "moto cannot tell a filter that it does not know from one that there is not",
	},
	{
		LocalStack, "a list comes in pages of at most MaxResults",
		"7 and no more", "moto gives these lists whole; that the program reads on is for the tests over the EC2 in memory",
	},
	{
		LocalStack, "an address that is allocated cannot be had again",
		"ok, 2", "moto allocates whatever address it is asked for, also twice",
	},
	{
		LocalStack, "an address shows whose it is late",
		"pending associated, available associated", "moto associates the address in CreateNatGateway",
	},
	{
		LocalStack, "a subnet with a network interface stays",
		"ok", "moto does not look at interfaces; a gateway's it even keeps after the gateway",
	},
	{
		LocalStack, "a subnet has no table of another VPC",
		"ok, 1", "moto does not compare the VPCs",
	},
	{
		LocalStack, "a pending gateway shows which allocation it is to have, and no address",
		"the allocation, an address", "in moto a gateway is made with all it has; pending is what the add-on says of its state",
	},
	{
		LocalStack, "an available gateway shows its address, and one of its subnet",
		"its address, one of another subnet, no failure", "moto's private address is any that is private",
	},
	{
		LocalStack, "a gateway says where it is",
		"its subnet, its VPC, None", "moto repeats the ConnectivityType that it was given, also when there was none",
	},
	{
		LocalStack, "a gateway without an internet gateway fails",
		"available", "no gateway of moto's fails",
	},
	{
		LocalStack, "a gateway in a full subnet fails",
		"available", "no gateway of moto's fails",
	},
	{
		LocalStack, "a gateway for another gateway's address fails",
		"refused Resource.AlreadyAssociated", "no gateway of moto's fails; it associates the address before there is a gateway",
	},
	{
		LocalStack, "a gateway for a network interface's address fails",
		"refused Resource.AlreadyAssociated", "no gateway of moto's fails; it associates the address before there is a gateway",
	},
	{
		LocalStack, "a token has at most 64 characters",
		"ok", "the add-on remembers tokens of any length",
	},
	{
		LocalStack, "a route inside the local one is for a whole subnet",
		"ok, 172.31.128.0/24 active", "moto compares a new route with none but those to the same CIDR",
	},
	{
		LocalStack, "no route leads to EC2's services for instances",
		"ok, 169.254.169.0/24 active", "moto knows no CIDR that a route may not have",
	},
	{
		LocalStack, "a route needs a target",
		"ok, 8.8.8.0/24 ", "moto makes a route that leads nowhere, and has no state",
	},
	{
		LocalStack, "a prefix list that is not there is not found",
		"ok, ok", "moto answers with an empty list",
	},
	{
		LocalStack, "a change set with the same token is the same one",
		"AlreadyExistsException", "the add-on looks at the name and not at the token",
	},
	{
		LocalStack, "what refers to an attribute of a changed thing may be replaced, and is not",
		"Modify Address False, UPDATE_COMPLETE, the same gateway", "the add-on knows that what is changed in place keeps its attributes, and says nothing of it",
	},
	{
		LocalStack, "a logical id keeps its type",
		"ok", "LocalStack makes the one and deletes the other",
	},
	{
		LocalStack, "what cannot be deleted stays, and may be left behind then",
		"ok, ok, DELETE_FAILED, ok, DELETE_FAILED, 1 tables 0 subnets 0 addresses", "LocalStack does not read RetainResources",
	},
	{
		LocalStack, "only a failed roll-back is continued, and only a failed operation rolled back",
		"ValidationError, InternalFailure, CREATE_COMPLETE", "LocalStack has no RollbackStack",
	},
	{
		LocalStack, "another tag of the stack's is changed on all that it made, in place",
		"none, CREATE_COMPLETE, owner=one, another", "LocalStack compares templates only, and finds no change",
	},
	{
		LocalStack, "no stack has a tag of AWS's own",
		"ok", "LocalStack takes any tag",
	},
	{
		LocalStack, "a template without resources is refused",
		"ok", "LocalStack makes an empty stack",
	},
	{
		LocalStack, "what is referred to must be there",
		"ValidationError, ok", "LocalStack looks at DependsOn when it is too late",
	},
	{
		LocalStack, "nothing waits for itself",
		"ok", "LocalStack looks for no circles",
	},
	{
		LocalStack, "what is no template is refused",
		"ValidationError, InternalError", "LocalStack reads a list as if it were a template",
	},
}

func differenceOf(cloud, name string) (Difference, bool) {
	for _, d := range Differences {
		if d.Cloud == cloud && d.Fact == name {
			return d, true
		}
	}
	return Difference{}, false
}

package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// Foreign routes can lead to prefix lists, and claims that a list's entries enclose are conflicts (rule 3).
var prefixListFacts = []fact{
	{
		name:   "a prefix list gives its entries",
		source: "SDK, GetManagedPrefixListEntries",
		aws:    "203.0.113.0/24 and 8.8.8.0/24",
		see: func(s *site) string {
			id := s.Hands.AddPrefixList(s.T, "partners", "8.8.8.0/24", "203.0.113.0/24")
			var list []string
			for _, e := range do(s, s.EC2.GetManagedPrefixListEntries, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &id}).Entries {
				list = append(list, aws.ToString(e.Cidr))
			}
			return sorted(list)
		},
	},
	{
		name:   "a prefix list says how much room it takes in a table",
		source: "SDK, ManagedPrefixList.MaxEntries",
		aws:    "partners, IPv4, room for 2",
		see: func(s *site) string {
			id := s.Hands.AddPrefixList(s.T, "partners", "8.8.8.0/24", "203.0.113.0/24")
			list := do(s, s.EC2.DescribeManagedPrefixLists, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{id}}).PrefixLists[0]
			return say(*list.PrefixListName, *list.AddressFamily, fmt.Sprint("room for ", aws.ToInt32(list.MaxEntries)))
		},
	},
	{
		name:   "a prefix list that is not there is not found",
		source: "hashicorp/terraform-provider-aws, ec2 errors.go: InvalidPrefixListID.NotFound, InvalidPrefixListId.NotFound",
		aws:    "not found, not found",
		see: func(s *site) string {
			return say(
				either(try(s, s.EC2.DescribeManagedPrefixLists, &ec2.DescribeManagedPrefixListsInput{PrefixListIds: []string{noPrefixList}})),
				either(try(s, s.EC2.GetManagedPrefixListEntries, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: aws.String(noPrefixList)})),
			)
		},
	},
}

// either reads both spellings of a code.
func either(end string) string {
	if strings.EqualFold(end, "InvalidPrefixListID.NotFound") {
		return "not found"
	}
	return end
}

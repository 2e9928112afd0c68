package inmemory

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// PrefixList is a managed prefix list. MaxEntries is the room that a route to it takes in a table.
type PrefixList struct {
	ID         string
	Name       string
	MaxEntries int
	Version    int64
	Entries    []netip.Prefix
	Tags       Tags
}

// awsList begins the names of the lists that AWS itself manages.
const awsList = "com.amazonaws."

var prefixListListing = listing[PrefixList, types.ManagedPrefixList]{
	id:   func(p PrefixList) string { return p.ID },
	tags: func(p PrefixList) Tags { return p.Tags }, // the call's doc comment does not name these, other AWS pages do
	filters: filters[PrefixList]{
		"prefix-list-id":   func(p PrefixList) []string { return one(p.ID) },
		"prefix-list-name": func(p PrefixList) []string { return one(p.Name) },
		"owner-id":         func(p PrefixList) []string { return one(p.owner()) },
	},
	sdk:     PrefixList.sdk,
	missing: "InvalidPrefixListID.NotFound",
	noun:    "prefixList",
	maxPage: 100,
}

var entryListing = listing[netip.Prefix, types.PrefixListEntry]{
	id:      netip.Prefix.String,
	sdk:     func(p netip.Prefix) types.PrefixListEntry { return types.PrefixListEntry{Cidr: aws.String(p.String())} },
	maxPage: 100,
}

var describeManagedPrefixLists = operation[ec2.DescribeManagedPrefixListsInput, ec2.DescribeManagedPrefixListsOutput]{
	name:     "DescribeManagedPrefixLists",
	optional: []string{"PrefixListIds", "Filters", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeManagedPrefixListsInput) (*ec2.DescribeManagedPrefixListsOutput, error) {
		q := query{"DescribeManagedPrefixLists", in.PrefixListIds, in.Filters, in.MaxResults, in.NextToken}
		lists, next, err := prefixListListing.answer(m, q, inOrder(m.prefixLists))
		return &ec2.DescribeManagedPrefixListsOutput{PrefixLists: lists, NextToken: next}, err
	},
}

// DescribeManagedPrefixLists lists prefix lists without their entries.
func (e *EC2) DescribeManagedPrefixLists(ctx context.Context, in *ec2.DescribeManagedPrefixListsInput, _ ...func(*ec2.Options)) (*ec2.DescribeManagedPrefixListsOutput, error) {
	return describeManagedPrefixLists.call(ctx, e, in)
}

var getManagedPrefixListEntries = operation[ec2.GetManagedPrefixListEntriesInput, ec2.GetManagedPrefixListEntriesOutput]{
	name:     "GetManagedPrefixListEntries",
	required: []string{"PrefixListId"},
	optional: []string{"MaxResults", "NextToken"},
	key:      func(in *ec2.GetManagedPrefixListEntriesInput) string { return aws.ToString(in.PrefixListId) },
	reads:    true,
	effect: func(m moment, in *ec2.GetManagedPrefixListEntriesInput) (*ec2.GetManagedPrefixListEntriesOutput, error) {
		p, ok := m.prefixLists[*in.PrefixListId]
		if !ok {
			return nil, notFound("InvalidPrefixListID.NotFound", "prefixList", *in.PrefixListId)
		}
		q := query{operation: "GetManagedPrefixListEntries " + p.ID, maxResults: in.MaxResults, nextToken: in.NextToken}
		entries, next, err := entryListing.answer(m, q, p.Entries)
		return &ec2.GetManagedPrefixListEntriesOutput{Entries: entries, NextToken: next}, err
	},
}

// GetManagedPrefixListEntries lists the entries of one prefix list.
func (e *EC2) GetManagedPrefixListEntries(ctx context.Context, in *ec2.GetManagedPrefixListEntriesInput, _ ...func(*ec2.Options)) (*ec2.GetManagedPrefixListEntriesOutput, error) {
	return getManagedPrefixListEntries.call(ctx, e, in)
}

func (p PrefixList) owner() string {
	if strings.HasPrefix(p.Name, awsList) {
		return "AWS"
	}
	return account
}

// sdk: a list of AWS's own shows neither its MaxEntries nor its version (assumed).
func (p PrefixList) sdk() types.ManagedPrefixList {
	out := types.ManagedPrefixList{
		PrefixListId:   aws.String(p.ID),
		PrefixListName: aws.String(p.Name),
		OwnerId:        aws.String(p.owner()),
		AddressFamily:  aws.String("IPv4"),
		State:          types.PrefixListStateCreateComplete,
		Tags:           p.Tags.sdk(),
	}
	if p.owner() == account {
		out.MaxEntries = aws.Int32(int32(p.MaxEntries))
		out.Version = aws.Int64(p.Version)
	}
	return out
}

// AddPrefixList is a hand: a managed prefix list of IPv4 CIDRs, AWS's own if its name begins with com.amazonaws.
func (e *EC2) AddPrefixList(name string, maxEntries int, entries ...netip.Prefix) string {
	p := PrefixList{Name: name, MaxEntries: maxEntries, Version: 1, Entries: sortedEntries(entries), Tags: Tags{}}
	must(e.update(func(m moment) error {
		p.ID = m.mint("pl", name)
		m.prefixLists[p.ID] = p
		return nil
	}))
	return p.ID
}

// SetPrefixListEntries is a hand: somebody gives a list other entries.
func (e *EC2) SetPrefixListEntries(id string, entries ...netip.Prefix) {
	must(e.update(func(m moment) error {
		p, ok := m.prefixLists[id]
		if !ok {
			return notFound("InvalidPrefixListID.NotFound", "prefixList", id)
		}
		p.Entries, p.Version = sortedEntries(entries), p.Version+1
		m.prefixLists[id] = p
		return nil
	}))
}

// sortedEntries puts entries in the order of their texts, which are their ids for pages.
func sortedEntries(entries []netip.Prefix) []netip.Prefix {
	return slices.SortedFunc(slices.Values(entries), func(a, b netip.Prefix) int {
		return strings.Compare(a.String(), b.String())
	})
}

package awsec2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A list is kept for ten minutes, so that a pass with nothing to do is five calls even where tables have gateway
// endpoints. One that people edit has a version, and each look asks for that: by what its entries were minutes ago, a route
// that somebody wants could be withdrawn. What could not be read is tried again sooner, but not in each pass: a missing
// permission stays missing.
const (
	keepList   = 10 * time.Minute
	keepUnread = time.Minute
)

// prefixList is what is known of a managed prefix list.
type prefixList struct {
	prefixes []netip.Prefix // IPv4 only
	weight   int            // what a route to it counts for in its table's quota
	version  int64          // of its entries; 0 for one that AWS manages, which shows none
	unread   string         // why its entries are not known
	until    time.Time
}

// prefixLists remembers the lists that tables route to.
type prefixLists struct {
	mu    sync.Mutex
	known map[string]prefixList
}

// read gives all lists that the tables route to. It never fails: a list that cannot be read says why, and everything else
// goes on (rule 12).
func (c *prefixLists) read(ctx context.Context, p *Provider, tables []types.RouteTable) map[string]prefixList {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, known, asked := p.config.Now(), map[string]prefixList{}, []string(nil)
	for _, id := range routedLists(tables) {
		list, ok := c.known[id]
		if ok && now.Before(list.until) {
			known[id] = list
		}
		if _, kept := known[id]; !kept || list.version != 0 && list.unread == "" {
			asked = append(asked, id)
		}
	}
	if len(asked) > 0 {
		maps.Copy(known, p.readPrefixLists(ctx, asked, known, now))
	}
	c.known = known
	return known
}

func routedLists(tables []types.RouteTable) []string {
	ids := map[string]bool{}
	for _, table := range tables {
		for _, r := range table.Routes {
			if id := aws.ToString(r.DestinationPrefixListId); id != "" {
				ids[id] = true
			}
		}
	}
	return sortedKeys(ids)
}

// maxFilterValues is how many values a filter takes ("List and filter using the CLI and API", EC2 user guide).
const maxFilterValues = 200

// readPrefixLists reads the lists with these ids; of known ones no entries, as long as their versions are the same.
func (p *Provider) readPrefixLists(ctx context.Context, ids []string, known map[string]prefixList, now time.Time) map[string]prefixList {
	described, err := map[string]types.ManagedPrefixList{}, error(nil)
	for part := range slices.Chunk(ids, maxFilterValues) {
		if err = p.describePrefixLists(ctx, part, described); err != nil {
			break
		}
	}
	lists := make([]prefixList, len(ids))
	var reads []func() error
	for i, id := range ids {
		d, ok := described[id]
		was, kept := known[id]
		switch {
		case err != nil:
			lists[i] = was.unreadFor(unreadable(err), now)
		case !ok:
			lists[i] = was.unreadFor("DescribeManagedPrefixLists does not list it", now)
		case kept && was.version == aws.ToInt64(d.Version):
			lists[i] = was
		default:
			reads = append(reads, func() error { lists[i] = p.readPrefixList(ctx, d, now); return nil })
		}
	}
	_ = sideBySide(reads...) // what went wrong stands in the lists
	all := map[string]prefixList{}
	for i, id := range ids {
		all[id] = lists[i]
	}
	return all
}

// unreadFor is a list that cannot be read now, with what was known of it.
func (l prefixList) unreadFor(why string, now time.Time) prefixList {
	l.weight, l.unread, l.until = max(l.weight, 1), why, now.Add(keepUnread)
	return l
}

// describePrefixLists asks by a filter: asked by ids, one list that is gone would fail the call for all.
func (p *Provider) describePrefixLists(ctx context.Context, ids []string, into map[string]types.ManagedPrefixList) error {
	pages := ec2.NewDescribeManagedPrefixListsPaginator(p.api, &ec2.DescribeManagedPrefixListsInput{
		Filters: []types.Filter{{Name: aws.String("prefix-list-id"), Values: ids}},
	})
	lists, err := allPages(ctx, p, "DescribeManagedPrefixLists", pages,
		func(o *ec2.DescribeManagedPrefixListsOutput) []types.ManagedPrefixList { return o.PrefixLists })
	for _, l := range lists {
		into[aws.ToString(l.PrefixListId)] = l
	}
	return err
}

// readPrefixList reads one list's entries. Those that AWS manages give no MaxEntries; they count at least with what they
// hold.
func (p *Provider) readPrefixList(ctx context.Context, d types.ManagedPrefixList, now time.Time) prefixList {
	list := prefixList{weight: int(aws.ToInt32(d.MaxEntries)), version: aws.ToInt64(d.Version), until: now.Add(keepList)}
	pages := ec2.NewGetManagedPrefixListEntriesPaginator(p.api, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: d.PrefixListId})
	entries, err := allPages(ctx, p, "GetManagedPrefixListEntries", pages,
		func(o *ec2.GetManagedPrefixListEntriesOutput) []types.PrefixListEntry { return o.Entries })
	switch {
	case err != nil:
		list = list.unreadFor(unreadable(err), now)
	case aws.ToString(d.AddressFamily) == "IPv6":
		list.weight = 0 // IPv6 routes have a quota of their own
	default:
		list.weight = max(list.weight, len(entries))
	}
	for _, e := range entries {
		if cidr := prefix(e.Cidr); cidr.IsValid() && cidr.Addr().Is4() {
			list.prefixes = append(list.prefixes, cidr)
		}
	}
	return list
}

// unreadable names the call and the code only: it is shown in each report, and a message can differ from call to call.
func unreadable(err error) string {
	if call, ok := errors.AsType[*CallError](err); ok {
		return fmt.Sprintf("%s: %s", call.Operation, call.Code())
	}
	return Code(err)
}

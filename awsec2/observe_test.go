package awsec2_test

import (
	"context"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var fiveCalls = map[string]int{
	"DescribeAddresses": 1, "DescribeSubnets": 1, "DescribeRouteTables": 1, "DescribeNatGateways": 1, "DescribeInternetGateways": 1,
}

func TestALookIsFiveCalls(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.build()
	s.ec2.ResetCounts()
	s.observe()
	if got := s.ec2.Counts(); !maps.Equal(got, fiveCalls) {
		t.Errorf("got %v", got)
	}
}

func TestALookReadsAllPages(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	whole := s.observe()
	paged := newSite(t, inmemory.Options{PageSize: 1})
	if got := paged.observe(); !reflect.DeepEqual(got, whole) {
		t.Errorf("got %+v, want %+v", got, whole)
	}
}

func TestPrefixListsAreKept(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s3 := s.ec2.AddPrefixList("com.amazonaws.eu-central-1.s3", 0, google, netip.MustParsePrefix("9.9.9.0/24"))
	mine := s.ec2.AddPrefixList("mine", 40, netip.MustParsePrefix("1.1.1.0/24"))
	before := s.dmz().Used
	s.ec2.AddRoute(s.table, inmemory.Route{PrefixList: s3, Target: "vpce-1"})
	s.ec2.AddRoute(s.table, inmemory.Route{PrefixList: mine, Target: "tgw-1"})

	s.ec2.ResetCounts()
	got := s.dmz()
	want := []reconcile.Listed{
		{ID: s3, Target: "vpce-1", Prefixes: []netip.Prefix{google, netip.MustParsePrefix("9.9.9.0/24")}},
		{ID: mine, Target: "tgw-1", Prefixes: []netip.Prefix{netip.MustParsePrefix("1.1.1.0/24")}},
	}
	slices.SortFunc(want, func(a, b reconcile.Listed) int { return strings.Compare(a.ID, b.ID) })
	if !reflect.DeepEqual(got.Lists, want) {
		t.Errorf("got %+v, want %+v", got.Lists, want)
	}
	if n := got.Used - before; n != 2+40 {
		t.Errorf("the lists use %d of the quota", n)
	}
	s.clock.add(9 * time.Minute)
	s.observe()
	if n := s.ec2.Counts()["GetManagedPrefixListEntries"]; n != 2 {
		t.Errorf("%d reads of entries, want one for each list", n)
	}
	s.clock.add(time.Minute)
	s.observe()
	if n := s.ec2.Counts()["GetManagedPrefixListEntries"]; n != 4 {
		t.Errorf("%d reads of entries, want them read again after ten minutes", n)
	}
}

// TestAnEditedPrefixListIsReadAgainAtOnce: by what its entries were minutes ago, a route that somebody wants could go.
func TestAnEditedPrefixListIsReadAgainAtOnce(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	mine := s.ec2.AddPrefixList("mine", 40, google)
	s.ec2.AddRoute(s.table, inmemory.Route{PrefixList: mine, Target: "tgw-1"})
	s.observe()
	other := netip.MustParsePrefix("1.1.1.0/24")
	s.ec2.SetPrefixListEntries(mine, other)
	if got := s.dmz().Lists[0].Prefixes; !slices.Equal(got, []netip.Prefix{other}) {
		t.Errorf("got %s, want %s", got, other)
	}
	s.ec2.SetHook(refuse("DescribeManagedPrefixLists", "RequestLimitExceeded"))
	if got := s.dmz().Lists[0]; got.Unread == "" || !slices.Equal(got.Prefixes, []netip.Prefix{other}) {
		t.Errorf("when nobody knows whether it was edited: %+v", got)
	}
}

// TestUnreadPrefixLists: a missing permission costs the list, not the look.
func TestUnreadPrefixLists(t *testing.T) {
	for _, c := range []struct{ operation, want string }{
		{"DescribeManagedPrefixLists", "DescribeManagedPrefixLists: UnauthorizedOperation"},
		{"GetManagedPrefixListEntries", "GetManagedPrefixListEntries: UnauthorizedOperation"},
	} {
		s := newSite(t, inmemory.Options{})
		s.ec2.AddRoute(s.table, inmemory.Route{PrefixList: s.ec2.AddPrefixList("mine", 40, google), Target: "tgw-1"})
		s.ec2.SetHook(refuse(c.operation, "UnauthorizedOperation"))
		got := s.dmz().Lists
		if len(got) != 1 || got[0].Unread != c.want || got[0].Prefixes != nil {
			t.Errorf("got %+v, want %q", got, c.want)
		}
		s.ec2.SetHook(nil)
		s.clock.add(time.Minute)
		if got := s.dmz().Lists; got[0].Unread != "" {
			t.Errorf("a minute later: %+v", got)
		}
	}
}

// dmz is the DMZ route table of zone A as a look shows it.
func (s *site) dmz() reconcile.Table { return s.tableSeen(s.table) }

func (s *site) tableSeen(id string) reconcile.Table {
	s.Helper()
	for _, table := range s.observe().Site.Tables {
		if table.ID == id {
			return table
		}
	}
	s.Fatalf("there is no table %s", id)
	return reconcile.Table{}
}

// refuse has an operation fail before it does anything.
func refuse(operation, code string) inmemory.Hook {
	return func(_ context.Context, c inmemory.Call, p inmemory.Phase) error {
		if c.Operation == operation && p == inmemory.Before {
			return &smithy.GenericAPIError{Code: code, Message: "no", Fault: smithy.FaultClient}
		}
		return nil
	}
}

func TestALookFailsAsAWhole(t *testing.T) {
	for operation := range fiveCalls {
		s := newSite(t, inmemory.Options{})
		s.ec2.SetHook(refuse(operation, "UnauthorizedOperation"))
		_, err := s.Observe(t.Context())
		if want := operation + ": UnauthorizedOperation: no"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if !awsec2.IsUnauthorized(err) {
			t.Errorf("%v: EC2's error is not in the chain", err)
		}
	}
}

func TestSite(t *testing.T) {
	s := newSite(t, inmemory.Options{}, func(c *awsec2.Config) { c.TableTags = map[string]string{"dmz": "yes", "Name": ""} })
	s.ec2.AddVPCCIDR(s.vpc, "10.9.0.0/16")
	s.ec2.SetTags(s.table, inmemory.Tags{"dmz": "yes", "Name": ""})
	wrong := s.ec2.AddRouteTable(s.vpc, inmemory.Tags{tagKey: zoneA, "dmz": "no", "Name": ""})
	named := s.ec2.AddRouteTable(s.vpc, inmemory.Tags{tagKey: zoneA, "dmz": "yes", "Name": "x"})
	other := s.ec2.CreateVPC(false, "10.1.0.0/16")

	got := s.observe().Site
	if got.VPC != s.vpc || got.InternetGateway != s.internet || !slices.Equal(got.Zones, []reconcile.Zone{zoneA, zoneB}) {
		t.Errorf("got %+v", got)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("172.31.0.0/16")}; !slices.Equal(got.CIDRs, want) {
		t.Errorf("got %v, want %v", got.CIDRs, want)
	}
	barred := map[string]string{s.table: "", wrong: `its tag dmz is "no", not "yes"`, named: `its tag Name is "x", not ""`}
	for _, table := range got.Tables {
		if want, ok := barred[table.ID]; ok && table.Barred != want {
			t.Errorf("%s is barred: %q, want %q", table.ID, table.Barred, want)
		}
		if table.Zone == "" && table.Barred != "" {
			t.Errorf("%s is no candidate, and barred: %q", table.ID, table.Barred)
		}
	}
	if len(got.Tables) != 1+2+2 { // the main one, two DMZ tables, two more
		t.Errorf("%d tables, want those of %s and not those of %s", len(got.Tables), s.vpc, other)
	}
	s.ec2.DetachInternetGateway(s.internet)
	if got := s.observe().Site.InternetGateway; got != "" {
		t.Errorf("got %s, which is not attached", got)
	}
}

func TestWhatWasBuiltIsSeen(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	dmz := s.dmz().Used
	s.build()
	s.ec2.Settle()
	s.restart() // so nothing is seen but what EC2 lists
	gateway := s.find(reconcile.NATGateway)
	byID := func(kind reconcile.Kind) reconcile.Ref { return reconcile.ByID(s.made[kind]) }
	for kind, want := range map[reconcile.Kind]reconcile.Spec{
		reconcile.Subnet:       {CIDR: blockA},
		reconcile.Address:      {},
		reconcile.NATTable:     {},
		reconcile.DefaultRoute: {Target: reconcile.ByID(s.internet)},
		reconcile.Association:  {Subnet: byID(reconcile.Subnet), Target: byID(reconcile.NATTable)},
		reconcile.NATGateway:   {Subnet: byID(reconcile.Subnet), Address: byID(reconcile.Address)},
		reconcile.TargetRoute:  {Target: byID(reconcile.NATGateway)},
	} {
		got := s.find(kind)
		if got == nil || got.Spec != want || got.Status != reconcile.Active {
			t.Errorf("%s: got %+v, want %+v", kind, got, want)
			continue
		}
		id := s.made[kind]
		if kind == reconcile.DefaultRoute {
			id = s.made[reconcile.NATTable]
		}
		if got.ID != id {
			t.Errorf("%s: its id is %q, want %q", kind, got.ID, id)
		}
	}
	if !gateway.Created.Equal(s.clock.Now()) {
		t.Errorf("the gateway was asked for at %v", gateway.Created)
	}
	address := s.find(reconcile.Address)
	if address.User != gateway.ID || !address.PublicIP.IsValid() || address.PublicIP != gateway.PublicIP {
		t.Errorf("got %+v, used by %+v", address, gateway)
	}
	if table := s.tableSeen(s.made[reconcile.NATTable]); !table.NAT || table.Zone != "" || table.Used != 2 {
		t.Errorf("got %+v", table)
	}
	if table := s.dmz(); table.NAT || table.Zone != zoneA || table.Used != dmz+1 {
		t.Errorf("got %+v", table)
	}
}

func TestHolders(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.build()
	holder := func(kind reconcile.Kind) (reconcile.Holder, string, reconcile.Zone) {
		for _, f := range s.observe().Found {
			if f.Key.Kind == kind && f.ID == s.made[kind] {
				return f.Holder, f.Stack, f.Key.Zone
			}
		}
		t.Fatalf("the %s is gone", kind)
		return 0, "", ""
	}
	for _, kind := range []reconcile.Kind{reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.NATGateway} {
		id := s.made[kind]
		for _, c := range []struct {
			tag, value string
			want       reconcile.Holder
		}{
			{awsec2.TagCluster, "kube-2", reconcile.Foreign},
			{awsec2.TagController, "other", reconcile.Foreign},
			{awsec2.TagRole, "other", reconcile.Foreign},
			{awsec2.TagZone, "", reconcile.Foreign},
			{awsec2.TagOwner, "uid-2", reconcile.Ours},
			{"aws:cloudformation:stack-id", "arn:stack", reconcile.Others},
		} {
			if kind == reconcile.NATTable && c.tag == awsec2.TagRole {
				continue // without the role it is not listed as one at all
			}
			was := s.tags(id)
			s.ec2.SetTags(id, inmemory.Tags{c.tag: c.value})
			if got, _, _ := holder(kind); got != c.want {
				t.Errorf("%s with %s=%s: held by %d, want %d", kind, c.tag, c.value, got, c.want)
			}
			s.ec2.RemoveTags(id, c.tag)
			s.ec2.SetTags(id, was)
		}
		s.ec2.SetTags(id, inmemory.Tags{"aws:cloudformation:stack-id": "arn:stack"})
		if _, stack, _ := holder(kind); stack != "arn:stack" {
			t.Errorf("%s: the stack is %q", kind, stack)
		}
		s.ec2.SetTags(id, inmemory.Tags{"aws:cloudformation:stack-name": "s"})
		if _, stack, _ := holder(kind); stack != "s" {
			t.Errorf("%s: the stack is %q", kind, stack)
		}
		s.ec2.RemoveTags(id, "aws:cloudformation:stack-id", "aws:cloudformation:stack-name")
	}
	s.ec2.SetTags(s.made[reconcile.Subnet], inmemory.Tags{awsec2.TagZone: zoneB})
	if got, _, zone := holder(reconcile.Subnet); got != reconcile.Foreign || zone != zoneA {
		t.Errorf("a subnet that says it is for another zone: held by %d, in %s", got, zone)
	}
}

func (s *site) tags(id string) inmemory.Tags {
	all := s.ec2.Snapshot()
	for _, n := range all.Subnets {
		if n.ID == id {
			return maps.Clone(n.Tags)
		}
	}
	for _, a := range all.Addresses {
		if a.ID == id {
			return maps.Clone(a.Tags)
		}
	}
	for _, r := range all.RouteTables {
		if r.ID == id {
			return maps.Clone(r.Tags)
		}
	}
	for _, g := range all.NATGateways {
		if g.ID == id {
			return maps.Clone(g.Tags)
		}
	}
	return nil
}

// TestTablesThatServeNATSubnets: whatever its tags say, a table that a NAT subnet uses is no DMZ table (rule 15).
func TestTablesThatServeNATSubnets(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.build()
	subnet := s.made[reconcile.Subnet]
	s.ec2.Associate(s.table, subnet)
	if !s.dmz().NAT {
		t.Error("by the subnet's tags")
	}
	s.ec2.RemoveTags(subnet, awsec2.TagCluster)
	if !s.dmz().NAT {
		t.Error("by the gateway in the subnet")
	}
	s.ec2.RemoveTags(s.made[reconcile.NATGateway], awsec2.TagCluster)
	if s.dmz().NAT {
		t.Error("the subnet is nobody's now")
	}
	s.ec2.SetTags(s.made[reconcile.NATTable], inmemory.Tags{tagKey: zoneA, awsec2.TagCluster: "kube-2"})
	if !s.tableSeen(s.made[reconcile.NATTable]).NAT {
		t.Error("another cluster's NAT route table")
	}
}

func TestRoutesAndTheirTargets(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	used := s.dmz().Used
	s.ec2.AddRoute(s.table, inmemory.Route{Destination: google, Target: "vgw-1", Origin: types.RouteOriginEnableVgwRoutePropagation})
	s.ec2.AddRoute(s.table, inmemory.Route{Destination: netip.MustParsePrefix("9.9.9.0/24"), Target: "pcx-1", State: types.RouteStateBlackhole})
	var got []reconcile.Found
	for _, f := range s.observe().Found {
		if f.Key.Table == s.table {
			got = append(got, f)
		}
	}
	want := []reconcile.Found{
		{Key: reconcile.RouteKey(s.table, netip.MustParsePrefix("0.0.0.0/0")), Spec: reconcile.Spec{Target: reconcile.ByID(s.internet)}},
		{Key: reconcile.RouteKey(s.table, google), Spec: reconcile.Spec{Target: reconcile.ByID("vgw-1")}, Propagated: true},
		{
			Key:  reconcile.RouteKey(s.table, netip.MustParsePrefix("9.9.9.0/24")),
			Spec: reconcile.Spec{Target: reconcile.ByID("pcx-1")}, Status: reconcile.Blackhole,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := s.dmz().Used - used; n != 1 {
		t.Errorf("%d more of the quota is used, want 1: propagated routes have their own", n)
	}
}

func TestGatewayStates(t *testing.T) {
	s := newSite(t, inmemory.Options{Pending: time.Minute, Deleting: time.Minute})
	for _, kind := range parts[:6] {
		s.create(kind)
	}
	id := s.made[reconcile.NATGateway]
	see := func(want reconcile.Status, user string) reconcile.Found {
		t.Helper()
		var found reconcile.Found
		for _, f := range s.observe().Found {
			if f.ID == id {
				found = f
			}
		}
		if found.Status != want || found.Holder != reconcile.Ours {
			t.Errorf("got %+v, want %s", found, want)
		}
		if a := s.find(reconcile.Address); a.User != user {
			t.Errorf("%s: the address is used by %q, want %q", want, a.User, user)
		}
		return found
	}
	see(reconcile.Pending, id)
	s.clock.add(time.Minute)
	see(reconcile.Active, id)
	s.ec2.FailGateway(id, "InternalError")
	if code := see(reconcile.Failed, id).Code; !strings.HasPrefix(code, "InternalError: ") {
		t.Errorf("got %q", code)
	}
	s.ec2.RemoveGateway(id)
	see(reconcile.Deleted, "")
}

// TestForeignAddresses: an address that somebody uses says so, whatever uses it.
func TestForeignAddresses(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	brought := s.ec2.Allocate(inmemory.Tags{"Name": "brought"})
	eni := s.ec2.AddInterface(s.ec2.Snapshot().Subnets[0].ID)
	s.ec2.AssociateAddress(brought, eni)
	for _, f := range s.observe().Found {
		if f.ID == brought && (f.User != eni || f.Holder != reconcile.Foreign || f.Key.Zone != "") {
			t.Errorf("got %+v", f)
		}
	}
}

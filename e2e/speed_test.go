//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// wayToAWS is what each call takes on top of what LocalStack takes: about what it is from a cluster to the API of its
// region. Without it, what is measured is LocalStack, which does one thing at a time.
const wayToAWS = 100 * time.Millisecond

// What it takes from a ConfigMap to its routes, beside the bare calls that nobody can do without: they look once at everything
// and then make the routes. Judged are the looks, of which each costs the way to AWS and back once; the times are printed, and
// are the machine's too.
func TestSpeed(t *testing.T) {
	s := newSite(t, allZones...)
	c := sharedControlPlane(t)
	namespace := c.ownNamespace(t)
	calls := newAWSProxy(t)
	bare := s.client(calls.server.URL)
	control := s.controller(t, "--kubeconfig="+c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory), "--namespace="+namespace).through(calls)
	// With the intervals that it has unless told: what is measured must not come from looking all the time.
	control.pace = []string{"--address=", "--log-level=debug"}
	mark := calls.mark()
	control.start(t)
	calls.await(t, mark, 1, action("DescribeRouteTables"))

	cm := configMap(namespace, "partners", "first=8.8.8.8")
	change := func(prefix string) (took time.Duration, looks int) {
		t.Helper()
		mark, started := calls.mark(), time.Now()
		c.put(t, cm)
		made := calls.await(t, mark, len(allZones), func(c ec2Call) bool {
			return c.action == "CreateRoute" && c.Get("DestinationCidrBlock") == prefix
		})
		last := made[len(made)-1].ended
		for _, call := range calls.since(mark) {
			if call.action == "DescribeRouteTables" && call.ended.Before(last) {
				looks++
			}
		}
		return last.Sub(started), looks
	}
	calls.slow(wayToAWS)
	<-time.After(10 * time.Second) // as long as whoever has just begun makes nothing anew (rule 16)
	calls.quiet(t)
	first, _ := change("8.8.8.8/32")
	t.Logf("in 3 zones, with %v for the way to AWS and back:", wayToAWS)
	t.Logf("  from a ConfigMap to its first routes, everything being built: %v", first.Round(time.Millisecond))

	for nth, way := range []time.Duration{wayToAWS, 0} {
		calls.slow(way)
		// Whatever comes in between is the same for both: the bare calls go through the same proxy, to the same cloud.
		const rounds = 5
		var alone, following, sdk []time.Duration
		var often, again []int
		for i := range rounds {
			calls.quiet(t)
			cm.Data[fmt.Sprintf("alone-%d-%d", nth, i)] = fmt.Sprintf("20.%d.%d.1", nth, i)
			took, looks := change(fmt.Sprintf("20.%d.%d.1/32", nth, i))
			alone, often = append(alone, took), append(often, looks)
			// One second after, as people edit.
			<-time.After(time.Second)
			cm.Data[fmt.Sprintf("following-%d-%d", nth, i)] = fmt.Sprintf("21.%d.%d.1", nth, i)
			took, looks = change(fmt.Sprintf("21.%d.%d.1/32", nth, i))
			following, again = append(following, took), append(again, looks)
			calls.quiet(t)
			sdk = append(sdk, s.bareCalls(t, bare, fmt.Sprintf("22.%d.%d.1/32", nth, i)))
		}
		t.Logf("in 3 zones, with %v for the way to AWS and back, the middle of %d:", way, rounds)
		t.Logf("  from one more target to its routes:    %v", median(alone))
		t.Logf("  for a change one second after another: %v", median(following))
		t.Logf("  the bare calls for one more target:    %v", median(sdk))
		// The one of once a minute may come in between, and a look that began before the change does not see it.
		if slices.Max(often) > 2 || slices.Min(often) != 1 {
			t.Errorf("for one more target it looked %v times, want once", often)
		}
		if slices.Max(again) > 3 || slices.Min(again) > 2 {
			t.Errorf("for a change one second after another it looked %v times, want once, or twice where it was looking already", again)
		}
	}
}

func median(ds []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(ds))[len(ds)/2].Round(time.Millisecond)
}

func action(name string) func(ec2Call) bool {
	return func(c ec2Call) bool { return c.action == name }
}

// quiet waits until there were no calls for a while: what comes next is not held up by what came before.
func (p *awsProxy) quiet(t *testing.T) {
	t.Helper()
	last, since := p.mark(), time.Now()
	eventually(t, func() error {
		if now := p.mark(); now != last {
			last, since = now, time.Now()
		}
		if calm := time.Since(since); calm < 400*time.Millisecond {
			return fmt.Errorf("there were calls %v ago", calm)
		}
		return nil
	})
}

// bareCalls is what nobody can do without: to look at everything, side by side, and then to make the routes, side by
// side.
func (s *site) bareCalls(t *testing.T, client *ec2.Client, prefix string) time.Duration {
	t.Helper()
	gateway := map[string]*string{}
	for _, n := range s.observe(t).NATGateways {
		gateway[tagMap(n.Tags)["static-egress/zone"]] = n.NatGatewayId
	}
	ctx := t.Context()
	started := time.Now()
	atOnce(
		t,
		func() error { _, err := client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{}); return err },
		func() error { _, err := client.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{}); return err },
		func() error { _, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{}); return err },
		func() error { _, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{}); return err },
		func() error {
			_, err := client.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{})
			return err
		},
	)
	var creates []func() error
	for _, zone := range s.zones {
		creates = append(creates, func() error {
			_, err := client.CreateRoute(ctx, &ec2.CreateRouteInput{
				RouteTableId: aws.String(s.tables["dmz-"+zone]), DestinationCidrBlock: &prefix, NatGatewayId: gateway[zone],
			})
			return err
		})
	}
	atOnce(t, creates...)
	took := time.Since(started)
	for _, zone := range s.zones {
		call(t, s.ec2.DeleteRoute, &ec2.DeleteRouteInput{RouteTableId: aws.String(s.tables["dmz-"+zone]), DestinationCidrBlock: &prefix})
	}
	return took
}

func atOnce(t *testing.T, calls ...func() error) {
	t.Helper()
	var group sync.WaitGroup
	for _, f := range calls {
		group.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

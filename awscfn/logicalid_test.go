package awscfn

import (
	"fmt"
	"net/netip"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var (
	zoneNames = rapid.StringMatching(`[a-z]{2}-[a-z]{4,9}-[0-9](-[a-z]{3}-[0-9])?[a-z]`)
	tableIDs  = rapid.StringMatching(`rtb-[0-9a-f]{8}([0-9a-f]{9})?`)
)

func anyKey() *rapid.Generator[reconcile.Key] {
	return rapid.Custom(func(t *rapid.T) reconcile.Key {
		kind := rapid.SampledFrom(append(partKinds, reconcile.TargetRoute)).Draw(t, "kind")
		if kind != reconcile.TargetRoute {
			return reconcile.Key{Kind: kind, Zone: reconcile.Zone(zoneNames.Draw(t, "zone"))}
		}
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), rapid.IntRange(1, 32).Draw(t, "bits")).Masked()
		return reconcile.RouteKey(tableIDs.Draw(t, "table"), p)
	})
}

// A logical id leads back to its key and generation, so no two things share one (rule 2), and CloudFormation takes it.
func TestLogicalIDsLeadBack(t *testing.T) {
	alphanumeric := regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)
	rapid.Check(t, func(t *rapid.T) {
		key, n := anyKey().Draw(t, "key"), rapid.IntRange(1, 20).Draw(t, "generation")
		id := logicalID(key, n)
		if !alphanumeric.MatchString(id) {
			t.Fatalf("%q is no logical id", id)
		}
		if got, m, err := keyOf(id); err != nil || got != key || m != n {
			t.Fatalf("%s leads to %s, generation %d (%v), and not to %s, generation %d", id, got, m, err, key, n)
		}
	})
}

func TestStrangeLogicalIDsAreNoneOfOurs(t *testing.T) {
	for _, id := range []string{
		"", "Bucket", "EIP", "EIPeuXcentralX1aG0", "EIPeuXcentralX1aG01", "EIPEuCentral1a", "RouteTableTable", "Subnet-a",
		"RoutertbX1To8x8x8x8s33", "RoutertbX1To8x8x8x9s31", "RoutertbX1To8x8x8s32", "RoutertbX1To8x8x8x8", "nEIPa",
	} {
		if key, n, err := keyOf(id); err == nil {
			t.Errorf("%q is taken for %s, generation %d", id, key, n)
		}
	}
}

func ExampleTemplate() {
	zone := reconcile.Zone("eu-central-1a")
	fmt.Println(logicalID(reconcile.Key{Kind: reconcile.NATGateway, Zone: zone}, 1))
	fmt.Println(logicalID(reconcile.Key{Kind: reconcile.NATGateway, Zone: zone}, 2))
	fmt.Println(logicalID(reconcile.RouteKey("rtb-0a1b2c3d", netip.MustParsePrefix("8.8.8.8/32")), 1))
	// Output:
	// NatGatewayeuXcentralX1a
	// NatGatewayeuXcentralX1aG2
	// RoutertbX0a1b2c3dTo8x8x8x8s32
}

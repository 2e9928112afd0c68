package reconcile_test

import (
	"fmt"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A value names networks and addresses. They come out canonical: 192.112.1.0/21 means 192.112.0.0/21. A value that is wrong
// anywhere is not taken at all, and all that is wrong with it is said at once.
func ExampleParseTargets() {
	targets, _ := reconcile.ParseTargets("192.112.1.0/21, 8.8.8.8")
	fmt.Println(targets)

	_, wrong := reconcile.ParseTargets("8.8.8.8/33, 8.8.4.4, 2001:db8::1")
	for _, why := range wrong {
		fmt.Println(why)
	}
	// Output:
	// [8.8.8.8/32 192.112.0.0/21]
	// "8.8.8.8/33" is neither an IPv4 prefix nor an IPv4 address
	// "2001:db8::1" is IPv6, and a public NAT gateway carries no traffic to an IPv6 target
}

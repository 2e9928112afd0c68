package awscfn

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A logical id is what a thing is to CloudFormation: a new one is a new thing, and one that is gone from the template is a
// thing to be deleted. So it is a function of the thing's own identity, a zone, or a table and a prefix, and of nothing
// else (rule 2). Logical ids are made of letters and digits only (CloudFormation user guide, "Resources").

// kindNames begin the logical ids.
var kindNames = map[reconcile.Kind]string{
	reconcile.Subnet:       "Subnet",
	reconcile.Address:      "EIP",
	reconcile.NATTable:     "RouteTable",
	reconcile.DefaultRoute: "DefaultRoute",
	reconcile.Association:  "Association",
	reconcile.NATGateway:   "NatGateway",
	reconcile.TargetRoute:  "Route",
}

// logicalID is the logical id of the thing with key k in its n-th generation: a thing that was lost behind the stack's
// back can only be made again under another logical id. Generations begin at 1, which is not written.
//
// A dash becomes an X, a dot an x and a slash an s: zone names and table ids are lower-case, so no two keys share an id.
func logicalID(k reconcile.Key, generation int) string {
	id := kindNames[k.Kind]
	if k.Kind == reconcile.TargetRoute {
		id += alphanumeric.Replace(k.Table) + "To" + alphanumeric.Replace(k.Prefix.String())
	} else {
		id += alphanumeric.Replace(string(k.Zone))
	}
	if generation > 1 {
		id += "G" + strconv.Itoa(generation)
	}
	return id
}

var (
	alphanumeric = strings.NewReplacer("-", "X", ".", "x", "/", "s")
	original     = strings.NewReplacer("X", "-", "x", ".", "s", "/")
	logicalIDs   = regexp.MustCompile(`^(Subnet|EIP|RouteTable|DefaultRoute|Association|NatGateway)([a-z0-9X]+)(?:G([1-9][0-9]*))?$`)
	routeIDs     = regexp.MustCompile(`^Route([a-z0-9X]+)To([0-9x]+s[0-9]+)(?:G([1-9][0-9]*))?$`)
)

// keyOf is the key and the generation that a logical id stands for. The error says that it is none of ours.
func keyOf(id string) (reconcile.Key, int, error) {
	if m := routeIDs.FindStringSubmatch(id); m != nil {
		prefix, err := netip.ParsePrefix(original.Replace(m[2]))
		if err != nil || prefix != prefix.Masked() {
			return reconcile.Key{}, 0, fmt.Errorf("the logical id %s is none of ours: it names no network", id)
		}
		table := strings.ReplaceAll(m[1], "X", "-")
		return reconcile.RouteKey(table, prefix), generation(m[3]), nil
	}
	if m := logicalIDs.FindStringSubmatch(id); m != nil {
		for kind, name := range kindNames {
			if name == m[1] {
				return reconcile.Key{Kind: kind, Zone: reconcile.Zone(strings.ReplaceAll(m[2], "X", "-"))}, generation(m[3]), nil
			}
		}
	}
	return reconcile.Key{}, 0, fmt.Errorf("the logical id %s is none of ours", id)
}

func generation(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return n
}

package reconcile_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func shuffled[T any](d dice, xs []T) []T {
	if len(xs) < 2 {
		return slices.Clone(xs)
	}
	return rapid.Permutation(xs).Draw(d.t, "order")
}

// The order of lists carries no meaning (rule 2): equal input gives equal output, to the byte.
func TestOrderOfInputDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		s := d.situation()
		a := s.decide()
		c, o, r := s.config, s.cloud.observed(), s.reading
		c.Zones = shuffled(d, c.Zones)
		o.Found = shuffled(d, o.Found)
		o.Site.Tables = shuffled(d, o.Site.Tables)
		r.Clusters = shuffled(d, r.Clusters)
		for i := range r.Clusters {
			r.Clusters[i].ConfigMaps = shuffled(d, r.Clusters[i].ConfigMaps)
		}
		b := reconcile.Decide(c, o, r, s.memory, s.now)
		if x, y := printed(a.Report), printed(b.Report); x != y {
			t.Fatalf("the first order gives\n%s\nthe other\n%s", x, y)
		}
		if x, y := fmt.Sprintf("%+v", a.Memory), fmt.Sprintf("%+v", b.Memory); x != y {
			t.Fatalf("the first order remembers\n%s\nthe other\n%s", x, y)
		}
	})
}

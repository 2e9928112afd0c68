package simulation_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// BenchmarkDecide measures what a pass decides: when there is nothing to do, as most passes, and when all targets are new.
// Ten times the targets should take about ten times as long.
func BenchmarkDecide(b *testing.B) {
	for _, perZone := range []int{1, 10} {
		for _, targets := range []int{10, 100, 1000} {
			size := fmt.Sprintf("%d-targets-%d-tables", targets, 3*perZone)
			cloud, o := routed(b, perZone)
			cloud.targets = targets
			b.Run("new/"+size, func(b *testing.B) { decide(b, cloud, o, targets-1) })
			b.Run("idle/"+size, func(b *testing.B) { decide(b, cloud, cloud.allRouted(o), 0) })
		}
	}
}

// routed is what is seen where one target is routed.
func routed(b *testing.B, perZone int) (*busy, reconcile.Observed) {
	cloud := newBusy(b, 1, perZone, inmemory.Options{})
	cloud.rest()
	o, err := cloud.loop.Provider.Observe(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return cloud, o
}

// allRouted adds to what was seen the routes of all other targets: to make thousands of them call by call takes too long.
func (b *busy) allRouted(o reconcile.Observed) reconcile.Observed {
	all := slices.Clone(o.Found)
	for _, f := range o.Found {
		if f.Key.Prefix != manyTargets(0) {
			continue
		}
		for n := 1; n < b.targets; n++ {
			f.Key.Prefix = manyTargets(n)
			all = append(all, f)
		}
	}
	o.Found = all
	return o
}

func decide(b *testing.B, cloud *busy, o reconcile.Observed, fresh int) {
	reading := cloud.Read(b.Context())
	memory := reconcile.Decide(cloud.loop.Config, o, reading, reconcile.Memory{}, cloud.now).Memory
	var d reconcile.Decision
	for b.Loop() {
		d = reconcile.Decide(cloud.loop.Config, o, reading, memory, cloud.now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(cloud.targets*cloud.tables), "ns/route")
	if got := len(d.Report.Plan.Actions); got != fresh*cloud.tables {
		b.Errorf("%d actions for %d targets more in %d tables", got, fresh, cloud.tables)
	}
}

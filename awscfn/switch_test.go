package awscfn_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// direct starts the controller with --provider=aws-ec2.
func (w *world) direct() {
	w.t.Helper()
	cloud := w.cloud
	cloud.Stack = ""
	provider, err := awsec2.New(w.t.Context(), w.ec2, cloud)
	if err != nil {
		w.t.Fatal(err)
	}
	w.loop = &reconcile.Loop{
		Config: w.config, Provider: provider, Reader: w, Resync: time.Minute, Report: func(r reconcile.Report) { w.last = r },
	}
}

// once lets the controller go on until there is nothing left to do.
func (w *world) once() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Hour)
	defer cancel()
	if _, err := w.loop.Once(ctx); err != nil {
		w.t.Fatalf("%v\n%s", err, w.plan(w.last))
	}
}

// wantIdle wants the controller to change nothing, and to say what would help.
func (w *world) wantIdle(says ...string) {
	w.t.Helper()
	before := w.ec2.Dump() + w.cfn.Dump()
	w.run(waitAndSee)
	if after := w.ec2.Dump() + w.cfn.Dump(); after != before {
		w.t.Errorf("it changed\n%s\ninto\n%s", before, after)
	}
	for _, part := range says {
		if !strings.Contains(w.problems(), part) {
			w.t.Errorf("it says %q, which should have %q in it", w.problems(), part)
		}
	}
}

// What EC2 made is not for a stack to take (rule 3). The way from one to the other keeps the addresses.
func TestFromEC2ToAStack(t *testing.T) {
	in(t, 2, func(w *world) {
		w.direct()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.once()
		before := w.addresses()
		w.start()
		w.wantIdle("--provider=aws-ec2 made", "keeps the addresses")
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")

		w.direct()
		w.values = nil
		w.run(time.Hour)
		w.gone()
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
	})
}

// What a stack made is not for EC2 to take, not even the addresses that it left: they are named, with what to do.
func TestFromAStackToEC2(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		w.direct()
		w.wantIdle("of the CloudFormation stack "+stackName, "--provider=aws-cfn")
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")

		w.deleteByHand()
		w.direct()
		w.wantIdle("--aws-eip-allocation-id=" + string(zoneA) + "=" + strings.Fields(before[string(zoneA)])[0])
		for i := range w.config.Zones {
			z := &w.config.Zones[i]
			z.Allocation = strings.Fields(before[string(z.Zone)])[0]
		}
		w.direct()
		w.once()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
	})
}

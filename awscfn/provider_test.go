package awscfn_test

import (
	"maps"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// The main job: the example's targets, in every zone, through a stack.
func TestFirstBuild(t *testing.T) {
	in(t, 3, func(w *world) {
		w.values = map[string]string{"service": "192.112.1.0/21", "dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes(
			"a 192.112.0.0/21 -> a active", "a 8.8.8.8/32 -> a active",
			"b 192.112.0.0/21 -> b active", "b 8.8.8.8/32 -> b active",
			"c 192.112.0.0/21 -> c active", "c 8.8.8.8/32 -> c active",
		)
		built := w.addresses()

		w.values["more"] = "9.9.9.9"
		w.converge()
		delete(w.values, "dns")
		w.run(2 * time.Minute)
		w.converge()
		w.wantRoutes(
			"a 192.112.0.0/21 -> a active", "a 9.9.9.9/32 -> a active",
			"b 192.112.0.0/21 -> b active", "b 9.9.9.9/32 -> b active",
			"c 192.112.0.0/21 -> c active", "c 9.9.9.9/32 -> c active",
		)
		if now := w.addresses(); !maps.Equal(now, built) {
			t.Errorf("the addresses were %v and are %v", built, now)
		}
	})
}

// The printed plan is the same for every provider, but for the line on the stack.
func TestPlanIsThatOfTheOtherProvider(t *testing.T) {
	in(t, 2, func(w *world) {
		w.values = map[string]string{"dns": "8.8.8.8", "wrong": "nonsense", "service": "192.112.1.0/21 192.112.8.0/21"}
		asStack := w.loop.Plan(w.t.Context())
		config := w.cloud
		config.Stack = ""
		direct, err := awsec2.New(w.t.Context(), w.ec2, config)
		if err != nil {
			t.Fatal(err)
		}
		loop := &reconcile.Loop{Config: w.config, Provider: direct, Reader: w}
		plain := loop.Plan(w.t.Context())
		if asStack.Stack == "" || plain.Stack != "" {
			t.Errorf("the line on the stack is %q with one, and %q without", asStack.Stack, plain.Stack)
		}
		asStack.Stack = ""
		if with, without := w.plan(asStack), w.plan(plain); with != without {
			t.Errorf("the plan is\n%s\nwith a stack, and without\n%s", with, without)
		}
	})
}

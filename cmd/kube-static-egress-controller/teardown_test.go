package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// scene is one run of the program in a play; what happens before it, others do.
type scene struct {
	before func(*inmemory.EC2)
	args   string
	answer string // what is typed
	// meanwhile happens between the question and the answer; may be nil.
	meanwhile func(*inmemory.EC2)
}

// pondering is somebody who takes time to type.
type pondering struct {
	io.Reader
	meanwhile func()
}

func (r pondering) Read(b []byte) (int, error) {
	r.meanwhile()
	return r.Reader.Read(b)
}

// play runs scenes one after the other in one bubble, over one cloud, and tells them all in one golden file.
func play(t *testing.T, name string, zones []string, scenes ...scene) {
	t.Helper()
	var told strings.Builder
	synctest.Test(t, func(t *testing.T) {
		e := inmemory.Seed(inMemory, "AvailabilityZone", zones)
		cfn := inmemory.NewCloudFormation(e, inmemory.CloudFormationOptions{})
		open := func(_ context.Context, s setup, _ *slog.Logger) (apis, error) {
			if s.stack() != "" {
				return apis{ec2: e, cfn: cfn}, nil
			}
			return apis{ec2: e}, nil
		}
		for _, x := range scenes {
			if x.before != nil {
				x.before(e)
			}
			var out, log tape
			p := story{stdin: x.answer}.process(&out, &log)
			if x.meanwhile != nil {
				p.stdin = pondering{p.stdin, func() { x.meanwhile(e) }}
			}
			p.clouds = map[string]cloud{"inmemory": open, "aws-cfn": open}
			args := strings.Fields(x.args)
			code := realMain(t.Context(), args, p)
			fmt.Fprintf(&told, "$ %s\n", strings.Join(append([]string{program}, args...), " "))
			fmt.Fprintf(&told, "%s-- stderr --\n%s-- exit %d --\n\n", out.String(), log.String(), code)
		}
	})
	golden(t, name, told.String())
}

const (
	quiet    = " --log-level=error"
	down     = "teardown --provider=inmemory --configmaps=testdata/egress-t1.yaml"
	oneStack = " --provider=aws-cfn --cluster-id=blue --configmaps=testdata/egress-t1.yaml"
	oneZone  = " --aws-az=eu-central-1a --aws-nat-cidr-block=172.31.64.0/28"
)

var twoZones = []string{"eu-central-1a", "eu-central-1b"}

func TestTeardown(t *testing.T) {
	// The zones need not be named. What was kept is used again, and released only by another word.
	t.Run("teardown", func(t *testing.T) {
		play(t, "teardown", twoZones,
			scene{args: down},
			scene{args: "run --once " + good + quiet},
			scene{args: down, answer: "y\n"},
			scene{args: down},
			scene{args: down, answer: "inmemory\n"},
			scene{args: down},
			scene{args: "run --once " + good + quiet},
			scene{args: down + " --release-addresses" + quiet, answer: "inmemory"},
			scene{args: down + " --release-addresses"},
		)
	})
	t.Run("teardown-released-later", func(t *testing.T) {
		play(t, "teardown-released-later", twoZones,
			scene{args: "run --once " + good + quiet},
			scene{args: down + " --yes" + quiet},
			scene{args: down + " --yes --release-addresses"},
		)
	})
	t.Run("teardown-stack", func(t *testing.T) {
		play(t, "teardown-stack", twoZones,
			scene{args: "run --once" + oneStack + oneZone + " --stack-termination-protection" + quiet},
			scene{args: "teardown" + oneStack, answer: "green\n"},
			scene{args: "teardown" + oneStack, answer: "blue\n"},
			scene{args: "run --once" + oneStack + oneZone + quiet},
			scene{args: "teardown" + oneStack + " --release-addresses --yes"},
			scene{args: "teardown" + oneStack + " --release-addresses --yes"},
		)
	})
	// What was not shown is not done, and what takes too long is told.
	t.Run("teardown-stopped", func(t *testing.T) {
		play(t, "teardown-stopped", twoZones,
			scene{args: "run --once " + good + quiet},
			scene{args: down, answer: "inmemory\n", meanwhile: func(e *inmemory.EC2) {
				sn := e.Snapshot()
				for _, table := range sn.RouteTables {
					if table.Tags["Name"] == "dmz-eu-central-1a" {
						e.AddRoute(table.ID, inmemory.Route{Destination: netip.MustParsePrefix("9.9.9.9/32"), Target: sn.NATGateways[0].ID})
					}
				}
			}},
			scene{args: down + " --yes --timeout=11s" + quiet},
			scene{args: down + " --yes" + quiet},
		)
	})
	// An address that the user names, or that lost its tags, stays; a route of somebody else keeps its gateway.
	t.Run("teardown-others", func(t *testing.T) {
		play(t, "teardown-others", threeZones,
			scene{args: "run --once " + good + quiet},
			scene{before: func(e *inmemory.EC2) {
				sn := e.Snapshot()
				for _, a := range sn.Addresses {
					if a.Tags["static-egress/zone"] == "eu-central-1a" {
						e.RemoveTags(a.ID, "static-egress/role")
					}
				}
			}, args: down + " --release-addresses --aws-eip-allocation-id=eu-central-1b=" + addressOfB, answer: "no\n"},
			scene{before: func(e *inmemory.EC2) {
				sn := e.Snapshot()
				table := e.AddRouteTable(sn.VPCs[0].ID, inmemory.Tags{"Name": "private"})
				e.AddRoute(table, inmemory.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: sn.NATGateways[0].ID})
			}, args: down + " --yes" + quiet},
			scene{args: down + " --yes --release-addresses --aws-eip-allocation-id=eu-central-1b=" + addressOfB + quiet},
		)
	})
}

// addressOfB is the one that eu-central-1b is given in a cloud of three zones: ids follow from what was made before.
const addressOfB = "eipalloc-21eb51db4cb00c081"

// Only the cluster id, typed in full, lets anything happen.
func TestAnswers(t *testing.T) {
	for _, c := range []struct{ typed, says string }{
		{"blue\n", ""},
		{"blue", ""},
		{" blue \r\n", ""},
		{"", "the input ended before there was an answer"},
		{"\n", "\"\" is not the cluster id"},
		{"y\n", "\"y\" is not the cluster id"},
		{"yes\nblue\n", "\"yes\" is not the cluster id"},
		{"Blue\n", "\"Blue\" is not the cluster id"},
		{"blue green\n", "\"blue green\" is not the cluster id"},
		{"blu", "\"blu\" is not the cluster id"},
	} {
		var asked tape
		err := process{stdin: strings.NewReader(c.typed), stderr: &asked}.ask(t.Context(), "blue")
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v", c.typed, err)
		}
		if asked.String() != "Type the cluster id (blue) to go on:\n" {
			t.Errorf("it asks %q", asked.String())
		}
	}
	broken := process{stdin: iotest.ErrReader(errors.New("the terminal is gone")), stderr: &tape{}}
	if err := broken.ask(t.Context(), "blue"); err == nil || !strings.Contains(err.Error(), "the terminal is gone") {
		t.Errorf("an input that fails: %v", err)
	}
}

// A signal ends the wait for an answer, and nothing is done.
func TestNobodyAnswers(t *testing.T) {
	read, write := io.Pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("ended by a signal"))
	if err := (process{stdin: read, stderr: &tape{}}).ask(ctx, "blue"); err == nil || err.Error() != "ended by a signal" {
		t.Errorf("it ends with %v", err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
}

// Who still asks is said before anybody agrees, and so is that it could not be read.
func TestStillAsked(t *testing.T) {
	named := func(names ...string) (out []reconcile.ConfigMap) {
		for _, n := range names {
			out = append(out, reconcile.ConfigMap{Namespace: "default", Name: n})
		}
		return out
	}
	for _, c := range []struct {
		asked reconcile.Reading
		want  string
	}{
		{reconcile.Reading{}, ""},
		{reconcile.Reading{Clusters: []reconcile.Cluster{{}}}, ""},
		{
			reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: named("one")}}},
			" IT IS STILL ASKED FOR by 1 ConfigMap, whose routes go all the same: default/one.",
		},
		{
			reconcile.Reading{Clusters: []reconcile.Cluster{{Name: "blue", ConfigMaps: named("d", "c")}, {Name: "amber", ConfigMaps: named("b", "a"), Incomplete: "green does not answer"}}},
			" IT IS STILL ASKED FOR by 4 ConfigMaps, whose routes go all the same: amber/default/a, amber/default/b, blue/default/c, and 1 more." +
				" Whether more is asked for could not be read: green does not answer.",
		},
	} {
		if got := stillAsked(c.asked); got != c.want {
			t.Errorf("it says\n%q, and should say\n%q", got, c.want)
		}
	}
}

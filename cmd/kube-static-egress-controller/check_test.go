package main

import (
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func setupOf(t *testing.T, options []*option, args ...string) (setup, []string) {
	t.Helper()
	line := parse(args, options)
	if len(line.mistakes)+len(line.strays) > 0 {
		t.Fatal(line.mistakes, line.strays)
	}
	s, mistakes := check(line.given, options)
	var texts []string
	for _, m := range mistakes {
		texts = append(texts, m.text)
	}
	return s, texts
}

func TestSetup(t *testing.T) {
	s, mistakes := setupOf(t, runOptions(),
		"--provider=aws-ec2", "--cluster-id=aws:1:eu-central-1:kube-1", "--configmaps=a,b", "--namespace=x,y,x",
		"--aws-az=b,a", "--aws-nat-cidr-block=10.0.0.16/28,10.0.0.0/28", "--aws-eip-allocation-id=a=eipalloc-1",
		"--aws-tag=team=a,b", "--aws-tag=x=y=z", "--aws-route-table-tag=dmz=yes", "--allow-cidr=10.0.0.0/8", "--deny-cidr=8.8.0.0/16",
		"--allow-disruption=a,rtb-1", "--preallocate", "--eip-reclaim-policy=Delete", "--log-level=warning",
		"--take-over=uid-1")
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	prefix := netip.MustParsePrefix
	wantConfig := reconcile.Config{
		Zones: []reconcile.ZoneConfig{
			{Zone: "a", Block: prefix("10.0.0.0/28"), Allocation: "eipalloc-1"},
			{Zone: "b", Block: prefix("10.0.0.16/28")},
		},
		MinPrefixLength: 16, Allow: []netip.Prefix{prefix("10.0.0.0/8")}, Deny: []netip.Prefix{prefix("8.8.0.0/16")},
		ReleaseAddresses: true, Preallocate: true, MaxRoutes: 500,
		ReleaseDelay: 7 * 24 * time.Hour, WithdrawDelay: time.Minute, TeardownDelay: 10 * time.Minute,
		AllowDisruption: []string{"a", "rtb-1"}, Cluster: "aws:1:eu-central-1:kube-1", TakeOver: []string{"uid-1"}, MaxWithdrawal: 50,
	}
	if got := s.config(); !reflect.DeepEqual(got, wantConfig) {
		t.Errorf("config:\n%+v\n%+v", got, wantConfig)
	}
	wantEC2 := awsec2.Config{
		TagKey: "AvailabilityZone", TableTags: map[string]string{"dmz": "yes"},
		Cluster: "aws:1:eu-central-1:kube-1", Controller: program,
		Tags:   map[string]string{"team": "a,b", "x": "y=z"},
		Blocks: map[reconcile.Zone]netip.Prefix{"a": prefix("10.0.0.0/28"), "b": prefix("10.0.0.16/28")},
	}
	if got := s.ec2(); !reflect.DeepEqual(got, wantEC2) {
		t.Errorf("ec2:\n%+v\n%+v", got, wantEC2)
	}
	if want := []string{"x", "y"}; !reflect.DeepEqual(s.namespaces, want) {
		t.Error(s.namespaces)
	}
	if s.logLevel != slog.LevelWarn || s.address != ":8080" || s.resync != time.Minute || s.timeout != 15*time.Minute {
		t.Errorf("%+v", s)
	}
}

// minimal is the least that has to be said.
var minimal = []string{"--provider=inmemory", "--configmaps=a", "--aws-az=a", "--aws-nat-cidr-block=10.0.0.0/28"}

func TestOnceDropsTwoDelaysOnly(t *testing.T) {
	s, mistakes := setupOf(t, runOptions(), append(minimal, "--once", "--withdraw-delay=5m")...)
	c := s.config()
	if mistakes != nil || c.WithdrawDelay != 0 || c.TeardownDelay != 0 || c.ReleaseDelay != 168*time.Hour {
		t.Error(mistakes, c)
	}
	if s.address != "" {
		t.Error("--once serves at", s.address, "although nobody asked for it")
	}
	if s, _ := setupOf(t, runOptions(), append(minimal, "--once", "--address=:1")...); s.address != ":1" {
		t.Error("somebody asked for it")
	}
}

func TestDefaults(t *testing.T) {
	s, mistakes := setupOf(t, planOptions(), minimal...)
	if mistakes != nil || s.cluster != "inmemory" || s.controller != program || s.tagKey != "AvailabilityZone" || s.json || s.detailed {
		t.Errorf("%v %+v", mistakes, s)
	}
	if s, _ := setupOf(t, runOptions(), append(minimal, "--address=")...); s.address != "" {
		t.Error("an empty address is none")
	}
}

// TestOneMistake has one mistake at a time; each names the flag and the value.
func TestOneMistake(t *testing.T) {
	long := strings.Repeat("x", 257)
	for arg, want := range map[string]string{
		"--cluster-id=" + long:                     "257 characters",
		"--cluster-id=" + long[:250]:               "the tag Name in zone a",
		"--cluster-id=a,b":                         "not every AWS service",
		"--controller-id=a\tb":                     "not every AWS service",
		"--aws-tag=a":                              "KEY=VALUE",
		"--aws-tag==b":                             "KEY=VALUE",
		"--aws-tag=AvailabilityZone=a":             "--tag-key",
		"--aws-tag=AWS:x=a":                        "only AWS",
		"--aws-tag=static-egress/role=eip":         "set by this program",
		"--aws-tag=kubernetes.io/cluster/x=shared": "load balancers",
		"--aws-tag=a=" + long:                      "257 characters",
		"--tag-key=static-egress/zone":             "everything that is made",
		"--tag-key=aws:zone":                       "only AWS",
		"--tag-key=" + long:                        "128",
		"--aws-route-table-tag=a=1\na=2":           "already",
		"--aws-eip-allocation-id=b=eipalloc-1":     "not among --aws-az",
		"--aws-eip-allocation-id=a=eipalloc-":      "ZONE=eipalloc-",
		"--aws-eip-allocation-id=eipalloc-1":       "ZONE=eipalloc-",
		"--vpc-id=subnet-1":                        "vpc-",
		"--min-prefix-length=0":                    "1 to 32",
		"--min-prefix-length=16.0":                 "1 to 32",
		"--max-routes-per-table=1001":              "1 to 1000",
		"--release-delay=-1h":                      "negative",
		"--release-delay=1":                        "168h",
		"--withdraw-delay=-1ns":                    "negative",
		"--teardown-delay=1d":                      "168h",
		"--resync-interval=0":                      "shorter than 1s",
		"--timeout=5m":                             "only --once",
		"--eip-reclaim-policy=retain":              "did you mean Retain?",
		"--log-format=JSON":                        "did you mean json?",
		"--log-level=trace":                        "debug, info, warn, error",
		"--address=localhost":                      "HOST:PORT",
		"--address=:99999":                         "HOST:PORT",
		"--address=:http":                          "HOST:PORT",
		"--allow-cidr=fc00::/7":                    "IPv6",
		"--deny-cidr=8.8.8.8/24":                   "did you mean 8.8.8.0/24?",
		"--deny-cidr=8.8.8.8":                      "not an IPv4 network",
		"--deny-cidr=08.8.8.0/24":                  "not an IPv4 network",
		"--namespace=kube-system-":                 "no namespace",
		"--configmaps=b,b":                         "already",
		"--preallocate=si":                         "neither true nor false",
	} {
		_, mistakes := setupOf(t, runOptions(), append(minimal, arg)...)
		flag, _, _ := strings.Cut(arg, "=")
		if len(mistakes) != 1 || !strings.Contains(mistakes[0], want) || !strings.HasPrefix(mistakes[0], flag+" ") {
			t.Errorf("%s: %q, not one about %q", arg, mistakes, want)
		}
	}
}

func TestTooManyTags(t *testing.T) {
	args := minimal
	for i := range 45 {
		args = append(args, "--aws-tag="+strings.Repeat("k", i+1)+"=v")
	}
	if _, mistakes := setupOf(t, runOptions(), args...); len(mistakes) != 1 || !strings.Contains(mistakes[0], "45 tags") {
		t.Error(mistakes)
	}
}

func TestPlanCode(t *testing.T) {
	for _, c := range []struct {
		name           string
		plan           reconcile.Plan
		code, detailed int
	}{
		{"nothing", reconcile.Plan{}, 0, 0},
		{"actions", reconcile.Plan{Actions: make([]reconcile.Action, 1)}, 0, 2},
		{"waiting", reconcile.Plan{Waiting: make([]reconcile.Wait, 1)}, 0, 2},
		{"conflicts alone", reconcile.Plan{Conflicts: make([]reconcile.Conflict, 1)}, 0, 0},
	} {
		if got := (setup{}).planCode(c.plan); got != c.code {
			t.Errorf("%s: %d, not %d", c.name, got, c.code)
		}
		if got := (setup{detailed: true}).planCode(c.plan); got != c.detailed {
			t.Errorf("%s, detailed: %d, not %d", c.name, got, c.detailed)
		}
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("--aws-az=a\x00--aws-nat-cidr-block\x0010.0.0.0/28\x00--once\x00--\x00-")
	f.Add("--aws-tag\x00a=b=c\nd\x00--address=\x00plan")
	f.Fuzz(func(t *testing.T, joined string) {
		line := parse(strings.Split(joined, "\x00"), runOptions())
		for _, stray := range line.strays {
			if strayMistake(stray, "run", true) == "" {
				t.Error("a stray word without a word about it")
			}
		}
		s, mistakes := check(line.given, runOptions())
		for _, z := range s.zones {
			// The provider indexes by zone: one without a block must never get past the checks.
			if len(mistakes) == 0 && (!z.Block.IsValid() || z.Zone == "" || !z.Block.Addr().Is4()) {
				t.Errorf("%q: %+v", joined, z)
			}
		}
	})
}

package reconcile_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// owned writes an owner onto all that is ours.
func (w *cloud) owned(owner string) {
	for i := range w.things {
		if w.things[i].Holder == reconcile.Ours {
			w.things[i].Owner = owner
		}
	}
}

// Rule 16: another owner with our cluster id changes nothing and is told; --take-over lets it, and writes its own name.
func TestOwners(t *testing.T) {
	t.Parallel()
	const mine, other = "uid-mine", "uid-other"
	for _, c := range []struct {
		name, things, reader string
		takeOver             []string
		halts                bool
		retags               bool
	}{
		{"ours", mine, mine, nil, false, false},
		{"nobody told owners apart yet", "", mine, nil, false, true},
		{"made for manifests", reconcile.Nobody, mine, nil, false, true},
		{"somebody else's", other, mine, nil, true, false},
		{"manifests against a cluster's", other, reconcile.Nobody, nil, true, false},
		{"taken over", other, mine, []string{other}, false, true},
		{"taken over from a third", other, mine, []string{"uid-third"}, true, false},
		{"owners are not told apart", other, "", nil, false, false},
	} {
		s := built("20.0.0.0/24")
		s.cloud.owned(c.things)
		s.reading.Owner, s.config.TakeOver = c.reader, c.takeOver
		r := s.decide().Report
		if halted := len(r.Problems) > 0 && len(r.Plan.Actions) == 0; halted != c.halts {
			t.Errorf("%s: halts %t: %+v", c.name, halted, r.Problems)
		}
		if got := strings.Contains(verbs(r), "retag"); got != c.retags {
			t.Errorf("%s: it wants to %s", c.name, verbs(r))
		}
		if c.halts && !strings.Contains(r.Problems[0].Reason, "--take-over="+c.things) {
			t.Errorf("%s: it does not say the way out: %s", c.name, r.Problems[0].Reason)
		}
		if c.retags && strings.Count(verbs(r), "retag") != 4 {
			t.Errorf("%s: an address, a subnet, a route table and a gateway carry tags: %s", c.name, verbs(r))
		}
	}
}

// Rule 16: while it is not known who asks, nothing is changed.
func TestUnownedChangesNothing(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.reading.Unowned = "the API server is away"
	if r := s.decide().Report; len(r.Plan.Actions) > 0 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Reason, "API server is away") {
		t.Errorf("%+v, %s", r.Problems, verbs(r))
	}
}

// Rule 8: another cluster id or VPC than recorded is asked for.
func TestAnotherSiteIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, allowed := range []string{"", "kube-2", "vpc-2"} {
		s := built("20.0.0.0/24")
		s.config.Cluster = "kube-1"
		s.memory = s.decide().Memory
		s.config.Cluster, s.config.AllowDisruption = "kube-2", []string{allowed}
		if got := len(s.decide().Report.Problems) > 0; got != (allowed != "kube-2") {
			t.Errorf("another cluster id, %q allowed: halts %t", allowed, got)
		}
		s.config.Cluster, s.cloud.site.VPC = "kube-1", "vpc-2"
		if got := len(s.decide().Report.Problems) > 0; got != (allowed != "vpc-2") {
			t.Errorf("another VPC, %q allowed: halts %t", allowed, got)
		}
	}
}

// many is a situation in which so many targets are claimed and routed. None is another's neighbour.
func many(n int) situation {
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("20.0.%d.0/24", 2*i))
	}
	s := built(values...)
	for _, v := range values {
		s.cloud.routeTo(v, "nat-a", reconcile.Active)
	}
	s.config.WithdrawDelay, s.config.MaxWithdrawal = 0, 50
	s.memory = s.decide().Memory
	return s
}

func (s *situation) leave(n int) {
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf("20.0.%d.0/24", 2*i))
	}
	s.claim(values...)
}

// Rule 11: more than --max-withdrawal of ten or more targets at once are held until somebody says the very word.
func TestBrake(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		had, left int
		held      bool
	}{
		{9, 0, false}, {10, 5, false}, {10, 4, true}, {12, 0, true}, {12, 11, false},
	} {
		s := many(c.had)
		s.leave(c.left)
		r := s.decide().Report
		deletes := strings.Count(verbs(r), "delete route")
		if want := c.had - c.left; c.held && deletes > 0 || !c.held && deletes != want {
			t.Errorf("%d of %d stay: %d deleted", c.left, c.had, deletes)
		}
	}
}

func TestBrakeIsLetGoByItsWord(t *testing.T) {
	t.Parallel()
	s := many(12)
	s.leave(3)
	d := s.decide()
	said := d.Report.Plan.Waiting[0].Reason
	_, word, found := strings.Cut(said, reconcile.ConfirmAnnotation+"=")
	if !found {
		t.Fatalf("it does not say how: %s", said)
	}
	word, _, _ = strings.Cut(word, " ")
	s.memory = d.Memory
	s.reading.Confirmed = "another"
	if got := verbs(s.decide().Report); got != "" {
		t.Errorf("after another word it wants to %s", got)
	}
	s.reading.Confirmed = word
	d = s.decide()
	if got := strings.Count(verbs(d.Report), "delete route"); got != 9 {
		t.Errorf("after the word it deletes %d", got)
	}
	// What was let go stays so while it goes, though the word fits no more; what leaves besides does not go with it.
	s.memory, s.reading.Confirmed = d.Memory, ""
	if got := strings.Count(verbs(s.decide().Report), "delete route"); got != 9 {
		t.Errorf("a pass later it deletes %d", got)
	}
}

// Rule 11: a typo in --deny-cidr counts as any other mass withdrawal, and so does one that meets a lost memory.
func TestBrakeHoldsTypos(t *testing.T) {
	t.Parallel()
	s := many(12)
	s.config.Deny = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/8")}
	if got := verbs(s.decide().Report); got != "" {
		t.Errorf("a typo in --deny-cidr wants to %s", got)
	}
	s = many(12)
	s.memory = reconcile.Memory{}
	s.leave(1)
	if got := verbs(s.decide().Report); got != "" {
		t.Errorf("with a lost memory it wants to %s", got)
	}
}

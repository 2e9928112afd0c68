package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// News is something that people are told once, when it happens: an Event in Kubernetes' words.
type News struct {
	// About is the ConfigMap that it is about; its Key is empty. The zero Source stands for the status.
	About   Source
	Reason  string // one word in CamelCase, such as Active or AddressAllocated
	Warning bool   // somebody should look at it
	Text    string // at most [maxNews] bytes
}

// The reasons of news about the status; those about claims are their standings.
const (
	newsAddressAllocated = "AddressAllocated"
	newsAddressRetained  = "AddressRetained"
	newsGatewayFailed    = "GatewayFailed"
	newsQuotaExceeded    = "QuotaExceeded"
	newsWithdrawalHeld   = "WithdrawalHeld"
	newsOwnerMismatch    = "OwnerMismatch"
)

// maxNews is what an API server takes for the note of an Event, less than its 1,024 bytes.
const maxNews = 1000

// telling finds out what is new: what is so now and was not told yet. What was told outlives a restart, so nothing is told
// twice for that.
type telling struct {
	before, now map[string]string // of each subject, what was told of it last
	news        []News
}

func newTelling(m Memory) *telling {
	return &telling{before: m.Told, now: map[string]string{}}
}

// fresh notes what is so of a subject, and reports whether that has to be told.
func (t *telling) fresh(subject, what string) bool {
	sum := sha256.Sum256([]byte(what))
	mark := hex.EncodeToString(sum[:4]) // what differs and looks the same is told with the next change; a memory stays small
	t.now[subject] = mark
	return t.before[subject] != mark
}

// keep lets what was told of a subject stand: nothing is known about it now, or it is on its way.
func (t *telling) keep(subject string) {
	if told, ok := t.before[subject]; ok {
		t.now[subject] = told
	}
}

func (t *telling) tell(about Source, reason string, warning bool, text string) {
	t.news = append(t.news, News{About: about, Reason: reason, Warning: warning, Text: text})
}

// tell says what is new in a report, and gives the memory of what was told. braked is why a withdrawal is held; empty if none
// is.
func tell(r Report, reading Reading, braked string, m Memory) ([]News, Memory) {
	t := newTelling(m)
	t.claims(r, reading)
	t.zones(r, m)
	if braked != "" && t.fresh("braked", braked) {
		t.tell(Source{}, newsWithdrawalHeld, true, braked)
	}
	t.quotas(r.Plan)
	return t.end(m)
}

// tellHalt says that somebody else owns what carries our cluster id. All else that was told stands.
func tellHalt(why string, stranger bool, m Memory) ([]News, Memory) {
	t := newTelling(m)
	t.now = cloneMap(m.Told)
	if stranger && t.fresh("owner", why) {
		t.tell(Source{}, newsOwnerMismatch, true, why)
	}
	return t.end(m)
}

// tellQuotas says which actions failed for a quota's sake.
func tellQuotas(p Plan, r Result, m Memory) ([]News, Memory) {
	t := newTelling(m)
	t.now = cloneMap(m.Told)
	for i, err := range r.Errors {
		if !isQuota(err) {
			continue
		}
		if t.fresh(quotaSubject(p.Actions[i].Key), "exceeded") {
			t.tell(Source{}, newsQuotaExceeded, true, err.Error())
		}
	}
	return t.end(m)
}

// quotas lets stand what was told of what is not there yet: it is tried again, now or later.
func (t *telling) quotas(p Plan) {
	for _, r := range p.Goal.Resources {
		if _, there := p.IDs[r.Key]; !there && r.Key.Kind != TargetRoute {
			t.keep(quotaSubject(r.Key))
		}
	}
	for _, w := range p.Waiting {
		t.keep(quotaSubject(w.Key))
	}
	for _, a := range p.Actions {
		t.keep(quotaSubject(a.Key))
	}
}

// quotaSubject is one for all routes of a table: hundreds of them meet the same limit.
func quotaSubject(k Key) string {
	if k.Kind == TargetRoute {
		return "quota " + k.Table
	}
	return "quota " + k.String()
}

func (t *telling) end(m Memory) ([]News, Memory) {
	for i := range t.news {
		t.news[i].Text = shorten(t.news[i].Text)
	}
	slices.SortStableFunc(t.news, func(a, b News) int {
		return cmp.Or(a.About.Compare(b.About), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Text, b.Text))
	})
	m.Told = t.now
	return t.news, m
}

// shorten cuts a text to what an Event takes, at a character's end.
func shorten(text string) string {
	const more = " …"
	if len(text) <= maxNews {
		return text
	}
	cut := maxNews - len(more)
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + more
}

// outcome is what several claims of one ConfigMap have in common, so that it is told of all of them at once.
type outcome struct {
	about    Source
	standing Standing
	why      string // Active: from which addresses they leave
}

func (t *telling) claims(r Report, reading Reading) {
	unread := map[string]bool{}
	for _, c := range reading.Clusters {
		unread[c.Name] = c.Incomplete != ""
	}
	fresh := map[outcome][]string{}
	for _, v := range r.Verdicts {
		subject := claimSubject(v)
		if v.Standing == StandingPending || unread[v.Source.Cluster] {
			t.keep(subject) // on its way; or its cluster cannot be read, and hears nothing now
			continue
		}
		o := outcome{about: v.Source, standing: v.Standing, why: v.Reason}
		if o.about.Key = ""; v.Standing == StandingActive {
			o.why = addressesOf(v, r.Zones)
		}
		if t.fresh(subject, string(v.Standing)+" "+o.why) {
			fresh[o] = append(fresh[o], claimed(v))
		}
	}
	for o, what := range fresh {
		slices.Sort(what)
		text := fmt.Sprintf("%s: %s", strings.Join(what, ", "), o.why)
		if o.standing == StandingActive {
			text = fmt.Sprintf("to %s from %s", strings.Join(what, ", "), o.why)
		}
		t.tell(o.about, string(o.standing), o.standing != StandingActive, text)
	}
}

func claimSubject(v Verdict) string {
	if v.Target.IsValid() {
		return "claim " + v.Source.String() + " " + v.Target.String()
	}
	return "claim " + v.Source.String()
}

func claimed(v Verdict) string {
	if v.Target.IsValid() {
		return fmt.Sprintf("%s (%s)", v.Target, v.Source.Key)
	}
	return v.Source.Key
}

// addressesOf are the addresses that a claim's traffic leaves from, zone by zone.
func addressesOf(v Verdict, zones []ZoneReport) string {
	var out []string
	for _, z := range zones {
		if z.PublicIP.IsValid() && slices.ContainsFunc(v.Routes, func(w Way) bool { return w.Zone == z.Zone }) {
			out = append(out, fmt.Sprintf("%s (%s)", z.PublicIP, z.Zone))
		}
	}
	return strings.Join(out, ", ")
}

func (t *telling) zones(r Report, m Memory) {
	wanted := map[Zone]bool{}
	for _, resource := range r.Plan.Goal.Resources {
		if resource.Key.Kind == NATGateway {
			wanted[resource.Key.Zone] = true
		}
	}
	for _, z := range r.Zones {
		t.address(z, wanted[z.Zone], m)
		failed, code := strings.CutPrefix(z.State, "failed: ")
		switch subject := "gateway " + string(z.Zone); {
		case code && t.fresh(subject, z.Gateway+failed):
			t.tell(Source{}, newsGatewayFailed, true, fmt.Sprintf("%s in %s: %s", z.Gateway, z.Zone, failed))
		case !code && z.State != stateNames[Active]:
			t.keep(subject) // the next one may fail for the same reason, and that is told with its own id
		}
	}
}

func (t *telling) address(z ZoneReport, wanted bool, m Memory) {
	where := "address " + string(z.Zone)
	switch {
	case !z.PublicIP.IsValid():
		t.keep(where)
	case t.fresh(where, z.PublicIP.String()):
		verb := "allocated"
		if z.Brought {
			verb = "brought"
		}
		t.tell(Source{}, newsAddressAllocated, false, fmt.Sprintf("%s leaves from %s (%s, %s)", z.Zone, z.PublicIP, z.Allocation, verb))
	}
	unused := slices.Clone(z.Spares)
	if _, runs := m.Unused[z.Allocation]; runs && !wanted && z.Gateway == "" && !z.Brought {
		unused = append(unused, z.Allocation)
	}
	for _, id := range unused {
		if t.fresh("unused "+id, string(z.Zone)) {
			t.tell(Source{}, newsAddressRetained, false, fmt.Sprintf("%s of %s is kept, and nothing uses it", id, z.Zone))
		}
	}
}

// isQuota reports whether AWS refused something because a quota is used up. Providers say so by an error with this method;
// which codes mean it is theirs to know.
func isQuota(err error) bool {
	var quota interface{ Quota() bool }
	return errors.As(err, &quota) && quota.Quota()
}

package reconcile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Claim is a target with who asks for it.
type Claim struct {
	Source  Source
	Target  netip.Prefix
	Created time.Time // of the ConfigMap
	// Held says why this is remembered rather than read, such as a value that was edited into nonsense. What is held
	// protects a route that is there and never makes one (rule 11). Empty if it is asked for now.
	Held string
}

// Compare orders claims by right: the older ConfigMap first, then by name (rule 14).
func (c Claim) Compare(o Claim) int {
	return cmp.Or(c.Created.Compare(o.Created), c.Source.Compare(o.Source), comparePrefix(c.Target, o.Target))
}

// Claims is what a reading comes to.
type Claims struct {
	List    []Claim   // sorted by right
	Refused []Verdict // values that were not accepted
	// Freeze says why nothing at all may be withdrawn now: a cluster's full list was never read (rule 11). Empty if it may.
	Freeze string
	// Unclear says why what was routed before this memory began must stay: a value is refused of which nobody remembers
	// what it meant when it was accepted, so any such route may be its. Empty if there is none.
	Unclear   string
	Confirmed string // what somebody wrote to let a held withdrawal go
}

// Accept turns what was read into claims. A value is taken whole or not at all. One that is refused keeps its last
// accepted meaning, unless policy refuses that; so does all of a cluster that could not be read in full. vpc are the
// VPC's own networks. The memory that comes back is that of the next pass.
func Accept(c Config, vpc []netip.Prefix, r Reading, m Memory) (Claims, Memory) {
	a := accepting{config: c, vpc: vpc, before: m, memory: m.clone()}
	a.memory.Accepted = map[Source]Accepted{}
	a.claims.Confirmed, a.claims.Freeze = r.Confirmed, c.Freeze
	if len(r.Clusters) == 0 {
		a.claims.Freeze = "nothing was read" // by whatever mistake: it is not the same as that nobody asks
	}
	clusters := slices.Clone(r.Clusters)
	slices.SortFunc(clusters, func(x, y Cluster) int { return cmp.Compare(x.Name, y.Name) })
	for _, cluster := range clusters {
		a.cluster(cluster)
	}
	slices.SortFunc(a.claims.List, Claim.Compare)
	slices.SortFunc(a.claims.Refused, compareVerdicts)
	ever := a.memory.Claimed
	for _, acc := range a.memory.Accepted {
		ever = append(ever, acc.Targets...)
	}
	a.memory.Claimed = cover(ever)
	return a.claims, a.memory
}

type accepting struct {
	config Config
	vpc    []netip.Prefix
	before Memory
	memory Memory
	claims Claims
}

func (a *accepting) cluster(c Cluster) {
	if c.Incomplete == "" {
		a.memory.Complete[c.Name] = true
	} else if !a.memory.Complete[c.Name] {
		a.claims.Freeze = cmp.Or(a.claims.Freeze, c.Incomplete)
	}
	seen := map[Source]bool{}
	maps := slices.Clone(c.ConfigMaps)
	slices.SortFunc(maps, func(x, y ConfigMap) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	for _, cm := range maps {
		a.configMap(c.Name, cm, seen)
	}
	if c.Incomplete == "" {
		return
	}
	for s, last := range a.before.Accepted {
		if s.Cluster == c.Name && !seen[s] {
			a.hold(s, last, c.Incomplete)
		}
	}
}

// configMap takes the values one by one, those first that were accepted before: when somebody adds a key too many, it is
// the new one that is refused.
func (a *accepting) configMap(cluster string, cm ConfigMap, seen map[Source]bool) {
	var sources []Source
	for key := range cm.Data {
		sources = append(sources, Source{Cluster: cluster, Namespace: cm.Namespace, ConfigMap: cm.Name, Key: key})
	}
	slices.SortFunc(sources, func(x, y Source) int {
		_, okX := a.before.Accepted[x]
		_, okY := a.before.Accepted[y]
		return cmp.Or(btoi(okY)-btoi(okX), x.Compare(y))
	})
	room := MaxTargetsPerConfigMap
	for _, s := range sources {
		seen[s] = true
		targets, wrong := a.check(cm.Data[s.Key])
		if wrong == nil && len(targets) > room {
			wrong = []string{fmt.Sprintf("the ConfigMap has more than %d targets", MaxTargetsPerConfigMap)}
		}
		if wrong != nil {
			a.refuse(s, wrong)
			continue
		}
		room -= len(targets)
		a.accept(s, Accepted{Targets: targets, Created: cm.Created}, "")
	}
	for _, key := range cm.BinaryKeys {
		s := Source{Cluster: cluster, Namespace: cm.Namespace, ConfigMap: cm.Name, Key: key}
		seen[s] = true
		a.refuse(s, []string{"it is binaryData, and targets are text"})
	}
}

// check reads a value and asks policy; it returns what is wrong, all of it.
func (a *accepting) check(value string) ([]netip.Prefix, []string) {
	targets, wrong := ParseTargets(value)
	for _, t := range targets {
		if why := refuse(a.config, a.vpc, t); why != "" {
			wrong = append(wrong, why)
		}
	}
	return targets, wrong
}

func (a *accepting) accept(s Source, acc Accepted, held string) {
	a.memory.Accepted[s] = acc
	for _, t := range acc.Targets {
		a.claims.List = append(a.claims.List, Claim{Source: s, Target: t, Created: acc.Created, Held: held})
	}
}

// refuse refuses a value; what it last meant stays, as far as policy lets it.
func (a *accepting) refuse(s Source, wrong []string) {
	reason := strings.Join(wrong, "; ")
	last, known := a.before.Accepted[s]
	if !known {
		a.claims.Unclear = cmp.Or(a.claims.Unclear, fmt.Sprintf("%s is refused (%s), and what it meant before is not known", s, reason))
	}
	kept := known && a.hold(s, last, "refused: "+reason)
	if !kept {
		a.claims.Refused = append(a.claims.Refused, Verdict{Source: s, Standing: StandingRejected, Reason: reason})
	}
}

// hold keeps what a value last meant, as far as policy lets it, and reports whether that is anything. That the VPC has grown
// is nobody's policy: what was accepted before stays.
func (a *accepting) hold(s Source, last Accepted, why string) bool {
	kept := slices.DeleteFunc(slices.Clone(last.Targets), func(t netip.Prefix) bool {
		return refuse(a.config, nil, t) != ""
	})
	if len(kept) > 0 {
		a.accept(s, Accepted{Targets: kept, Created: last.Created}, why)
	}
	a.memory.Accepted[s] = last // all of it: a typo in --deny-cidr is mended some day
	return len(kept) > 0
}

func compareVerdicts(a, b Verdict) int {
	return cmp.Or(a.Source.Compare(b.Source), comparePrefix(a.Target, b.Target))
}

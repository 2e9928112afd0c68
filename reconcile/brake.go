package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
)

// brakeFrom is how many targets there must be for the brake to matter: of a few, half may well go at once.
const brakeFrom = 10

// brake holds a withdrawal of more than --max-withdrawal of the targets at once until somebody confirms it: a typo in
// --namespace or --deny-cidr, or a team's deletion of the wrong folder, must not take everybody's routes (rule 11). What
// counts are targets, not routes: many targets may share one. It gives the targets that are held, and why.
//
// All that is leaving counts together, whether its delay is over or not: deletions come one after the other.
func (d *desiring) brake(routed []netip.Prefix) (held []netip.Prefix, why string) {
	var claimed []netip.Prefix
	for _, c := range d.claims.List {
		claimed = append(claimed, c.Target)
	}
	set, still := setOf(claimed), setOf(routed)
	known := d.memory.Targets
	if known == nil { // a lost memory: what is routed stands for what was asked
		known = routed
	}
	all := sortPrefixes(slices.Concat(known, claimed))
	var leaving []netip.Prefix
	all = slices.DeleteFunc(all, func(t netip.Prefix) bool {
		gone := !set.ContainsPrefix(t)
		if gone && still.OverlapsPrefix(t) {
			leaving = append(leaving, t)
			return false
		}
		return gone
	})
	d.memory.Targets = notNil(all)
	d.memory.Let = slices.DeleteFunc(d.memory.Let, func(t netip.Prefix) bool { return !slices.Contains(leaving, t) })
	held = slices.DeleteFunc(slices.Clone(leaving), func(t netip.Prefix) bool { return slices.Contains(d.memory.Let, t) })
	limit := d.config.MaxWithdrawal
	if limit <= 0 || limit >= 100 || len(all) < brakeFrom || 100*len(held) <= limit*len(all) {
		return nil, ""
	}
	word := confirmation(held)
	if d.confirmed == word {
		d.memory.Let = sortPrefixes(append(d.memory.Let, held...))
		return nil, ""
	}
	return held, fmt.Sprintf("%d of %d targets would go at once, more than %d%% (--max-withdrawal): they stay until somebody confirms it with the annotation %s=%s on the ConfigMap %s, or runs with --max-withdrawal=100",
		len(held), len(all), limit, ConfirmAnnotation, word, StatusName)
}

// What a held withdrawal is confirmed with, and where.
const (
	ConfirmAnnotation = "static-egress/confirm-withdrawal"
	StatusName        = "static-egress-status"
)

// confirmation is the word that lets just these targets go: one for others, from last month, does not.
func confirmation(held []netip.Prefix) string {
	h := sha256.New()
	for _, p := range sortPrefixes(slices.Clone(held)) {
		h.Write(fmt.Appendln(nil, p)) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))[:8]
}

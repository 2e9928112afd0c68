package simulation_test

import (
	"net/netip"
	"slices"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// historyHomes is what happens to what the controller keeps in its home, in a history that begins with "home".
//
//	lose; garble; touch                    somebody deletes the state, edits it, or writes it as it is
//	read-only; home-away; home-well        it cannot be written, or not be read; it can again
var historyHomes = map[string]func(*home){
	"lose": (*home).lose, "garble": (*home).garble, "touch": (*home).touch,
	"read-only": func(h *home) { h.unwritable = "read-only" },
	"home-away": func(h *home) { h.unreadable = "away" },
	"home-well": func(h *home) { h.unreadable, h.unwritable = "", "" },
}

func init() {
	happenings["home"] = func(*history, []string) {} // from the beginning
	for name, do := range historyHomes {
		happenings[name] = func(h *history, _ []string) {
			if h.home == nil {
				return
			}
			do(h.home)
			if h.home.unreadable == "" {
				h.witness.pauses(false)
			}
		}
	}
}

// atHome draws what happens to it.
func (d *dice) atHome() {
	d.add(d.one("lose", "garble", "touch", "read-only", "read-only", "home-away", "home-well", "home-well"))
	if d.IntN(2) == 0 {
		d.add("restart")
	}
}

// remembers is what a controller that begins now knows: what it wrote down last, or nothing.
func (h *history) remembers() {
	if h.home == nil || h.home.state == nil || h.home.broken {
		h.forget()
		return
	}
	if h.unsaved {
		h.witness.forgets()
	}
	for _, a := range h.asked {
		a.meaning = without(a.saved, func(p netip.Prefix) bool { return slices.ContainsFunc(h.config.Deny, p.Overlaps) })
	}
	h.means()
	h.witness.pauses(h.home.unreadable != "")
}

// writtenDown: what a pass that saw something has accepted is kept, unless it says that it could not be.
func (h *history) writtenDown(r reconcile.Report) {
	if h.unsaved = froze(r); h.unsaved {
		return
	}
	for _, a := range h.asked {
		a.saved = a.meaning
	}
}

// pauses: while it is not known what was remembered, nothing is withdrawn at all (rule 11).
func (w *witness) pauses(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = yes
}

// freshDelay: what is no longer asked for stays as long as if it had been given up now.
func (h *history) freshDelay() { h.witness.notBefore(time.Now().Add(h.config.WithdrawDelay)) }

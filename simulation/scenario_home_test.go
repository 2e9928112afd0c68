package simulation_test

import (
	"slices"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// homes are what happens to what a controller keeps in its home.
var homes = map[string]func(*scenario, []string){
	"lost":               func(s *scenario, _ []string) { s.world.home.lose() },
	"garbled":            func(s *scenario, _ []string) { s.world.home.garble() },
	"written-by-another": func(s *scenario, _ []string) { s.world.home.touch() },
	"cannot-be-read":     func(s *scenario, w []string) { s.world.home.unreadable = strings.Join(w, " ") },
	"cannot-be-written":  func(s *scenario, w []string) { s.world.home.unwritable = strings.Join(w, " ") },
	"well":               func(s *scenario, _ []string) { s.world.home.unreadable, s.world.home.unwritable = "", "" },
}

func (s *scenario) atHome() string {
	for _, line := range s.lines() {
		w := strings.Fields(line)
		happens := homes[w[0]]
		if happens == nil {
			s.d.Fatalf(s.t, "what is %s?", w[0])
		}
		happens(s, w[1:])
	}
	return ""
}

// restart starts the controller again, and the watch remembers what it does.
func (s *scenario) restart() string {
	s.world.restart()
	s.watch.memory, s.watch.recalled = reconcile.Memory{}, false
	s.begin()
	return ""
}

// ofCluster lets the controller of another cluster run, or that of a cluster that had its turn before.
func (s *scenario) ofCluster() string {
	w := s.world
	s.homes[w.cloud.Owner] = w.home
	w.cloud.Owner = s.d.CmdArgs[0].Key
	if w.home = s.homes[w.cloud.Owner]; w.home == nil {
		w.home = &home{}
	}
	s.reading()
	return s.restart()
}

// confirm lets a held withdrawal go.
func (s *scenario) confirm() string {
	if len(s.d.CmdArgs) > 0 {
		s.world.home.word = s.d.CmdArgs[0].Key
		return ""
	}
	if s.world.home.word = wordOf(s.world.report); s.world.home.word == "" {
		s.d.Fatalf(s.t, "no word is asked for")
	}
	return ""
}

// wordOf is what a report asks for, to let go what it holds; "" if it asks for nothing.
func wordOf(r reconcile.Report) string {
	for _, w := range r.Plan.Waiting {
		if _, word, found := strings.Cut(w.Reason, reconcile.ConfirmAnnotation+"="); found {
			return strings.Fields(word)[0]
		}
	}
	return ""
}

// asking leaves out ConfigMaps of namespaces that may not ask.
func (s *scenario) asking(maps []reconcile.ConfigMap) []reconcile.ConfigMap {
	if len(s.namespaces) == 0 {
		return maps
	}
	return without(maps, func(m reconcile.ConfigMap) bool { return !slices.Contains(s.namespaces, m.Namespace) })
}

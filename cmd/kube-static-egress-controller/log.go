package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// newLog makes the log of the process, which is client-go's too. A command makes it once, before anything logs.
func newLog(w io.Writer, s setup) *slog.Logger {
	var handler slog.Handler
	options := &slog.HandlerOptions{Level: s.logLevel}
	if handler = slog.NewTextHandler(w, options); s.logJSON {
		handler = slog.NewJSONHandler(w, options)
	}
	log := slog.New(handler)
	kube.LogTo(log)
	return log
}

// journal tells in the log what passes did. What merely stands as it stood is told once: a log that repeats a conflict
// every minute is a log in which nobody sees the new one.
type journal struct {
	log   *slog.Logger
	said  map[subject]string // what was told and still stands
	blind string             // why the last pass could not look; empty if it could
}

// subject is what a remark is about; where it has changed, the new remark takes the old one's place.
type subject struct{ what, key string }

func (j *journal) passed(r reconcile.Report) {
	acted := j.actions(r)
	if r.Err != nil && !acted {
		// Nothing else is known about this pass: what was told before still stands, as far as anybody knows.
		if text := r.Err.Error(); text != j.blind {
			j.blind = text
			j.log.Error("the pass failed", "error", text)
		}
		return
	}
	if j.blind != "" {
		j.blind = ""
		j.log.Info("passes work again")
	}
	j.remarks(r)
}

// actions tells what was done and what failed, and reports whether there was a failure that explains the pass's error.
func (j *journal) actions(r reconcile.Report) bool {
	explained := false
	for i, a := range r.Plan.Actions {
		if i >= len(r.Result.Outcomes) {
			break // planned and not applied
		}
		log := j.log.With("action", string(a.Verb), "key", a.Key.String())
		switch r.Result.Outcomes[i] {
		case reconcile.Done:
			log.Info("done", "reason", a.Reason)
		case reconcile.FailedThen:
			explained = true
			if i < len(r.Result.Errors) && r.Result.Errors[i] != nil {
				log = log.With("error", r.Result.Errors[i].Error())
			}
			log.Error("failed", "reason", a.Reason)
		case reconcile.DeferredThen, reconcile.Skipped:
			log.Debug(string(r.Result.Outcomes[i]), "reason", a.Reason)
		}
	}
	return explained
}

func (j *journal) remarks(r reconcile.Report) {
	reasons := map[subject][]string{}
	add := func(what, key, reason string) {
		s := subject{what, key}
		reasons[s] = append(reasons[s], reason)
	}
	for _, p := range r.Problems {
		add("problem", string(p.Zone), p.Reason)
	}
	for _, w := range r.Warnings {
		add("warning", w, w) // each is a subject of its own
	}
	for _, c := range r.Plan.Conflicts {
		add("conflict", c.Key.String(), c.Reason)
	}
	for _, w := range r.Plan.Waiting {
		if w.Key.Kind == reconcile.TargetRoute && w.Key.Table != "" {
			continue // hundreds of routes of a table wait for one gateway or one problem, which is told
		}
		add("waiting", w.Key.String(), w.Reason)
	}
	for _, v := range r.Verdicts {
		if v.Standing != reconcile.StandingRejected && v.Standing != reconcile.StandingHeld {
			continue // the others are seen in actions and conflicts
		}
		key := v.Source.String()
		if v.Target.IsValid() {
			key += " " + v.Target.String()
		}
		add(strings.ToLower(string(v.Standing)), key, v.Reason)
	}

	now := map[subject]string{}
	for s, rs := range reasons {
		slices.Sort(rs)
		now[s] = strings.Join(slices.Compact(rs), "; ")
	}
	for _, s := range sorted(now) {
		if said, ok := j.said[s]; !ok || said != now[s] {
			j.log.Log(context.Background(), s.level(), s.what, s.attributes(now[s])...)
		}
	}
	for _, s := range sorted(j.said) {
		if _, ok := now[s]; !ok && s.what != "waiting" { // what it waited for is told when it is done
			j.log.Info("no longer: "+s.what, s.attributes(j.said[s])...)
		}
	}
	j.said = now
}

// level: to wait is the ordinary course of things.
func (s subject) level() slog.Level {
	if s.what == "waiting" {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func (s subject) attributes(reason string) []any {
	var as []any
	if s.key != "" && s.key != reason {
		as = append(as, "key", s.key)
	}
	if reason != "" {
		as = append(as, "reason", reason)
	}
	return as
}

func sorted(remarks map[subject]string) []subject {
	return slices.SortedFunc(maps.Keys(remarks), func(a, b subject) int {
		return strings.Compare(a.what+"\x00"+a.key, b.what+"\x00"+b.key)
	})
}

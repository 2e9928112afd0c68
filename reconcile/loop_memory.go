package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// keeping is what the loop knows of its store.
type keeping struct {
	loaded bool
	ever   bool   // loaded at least once
	saved  []byte // the state that was last known to be in the store
	tried  []byte // the state whose save failed: it may be there all the same
	warned string // what is odd about it
}

// recall loads the memory, before the first pass that gets that far. While it cannot be had nothing is withdrawn; once it is
// known to be lost, the loop goes on without: slower to withdraw, never quicker.
//
// After a save that failed it looks again. If what is there is our own, if it was deleted or if nobody can read it, then what
// is in memory is newer: to go back would forget what was accepted, built and tried since.
func (l *Loop) recall(ctx context.Context) (freeze string) {
	if l.Store == nil || l.kept.loaded {
		return ""
	}
	state, err := l.Store.Load(ctx)
	loaded, ours := Memory{}, l.kept.ever && l.kept.wrote(state)
	if err == nil && state != nil {
		loaded, err = UnmarshalMemory(state)
	}
	l.kept.saved = nil
	switch {
	case errors.Is(err, ErrUnreadable):
		l.kept.warned, ours = fmt.Sprintf("what was remembered is lost: %v", err), l.kept.ever
	case err != nil:
		return fmt.Sprintf("what was remembered cannot be had: %v", err)
	default:
		l.kept.saved = state
	}
	if !ours {
		l.memory = loaded.with(l.memory)
	}
	l.kept.loaded, l.kept.ever, l.kept.tried = true, true, nil
	return ""
}

// wrote reports whether a state is one that we wrote or tried to write, or none: one that was deleted is written again.
func (k keeping) wrote(state []byte) bool {
	return state == nil || bytes.Equal(state, k.saved) || bytes.Equal(state, k.tried)
}

// save writes down what has to be remembered, before anything is done for it. A memory that cannot be written freezes
// withdrawals: what a value meant would be forgotten by the next restart (rule 11).
func (l *Loop) save(ctx context.Context, m Memory) (freeze string) {
	if l.Store == nil || !l.kept.loaded {
		return ""
	}
	state, err := m.Marshal()
	if err == nil && !bytes.Equal(state, l.kept.saved) {
		err = l.Store.Save(ctx, state)
	}
	if err != nil {
		l.kept.loaded, l.kept.tried = false, state // somebody else may have written it, so look again
		return fmt.Sprintf("what has to be remembered cannot be written: %v", err)
	}
	l.kept.saved = state
	return ""
}

// confirmed asks whether somebody let a held withdrawal go.
func (l *Loop) confirmed(ctx context.Context) string {
	if l.Store == nil {
		return ""
	}
	word, err := l.Store.Confirmed(ctx)
	if err != nil {
		return "" // it stays held, which is what an unknown word means too
	}
	return strings.TrimSpace(word)
}

// show writes the status. That it could not be written is a warning of the next pass and hinders nothing.
func (l *Loop) show(ctx context.Context, r Report) {
	if l.Store == nil || r.Zones == nil {
		return
	}
	status, err := StatusTexts(r)
	if err == nil {
		err = l.Store.Show(ctx, status)
	}
	l.shown = ""
	if err != nil {
		l.shown = fmt.Sprintf("the status cannot be written: %v", err)
	}
}

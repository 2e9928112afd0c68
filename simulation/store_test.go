package simulation_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// home is what a cluster keeps for its controller: the state, the status, and the word that somebody wrote on it. It outlives
// every process, and goes wrong as an API server does.
type home struct {
	mu      sync.Mutex
	state   []byte
	version int    // of the state; 0: there is none
	broken  bool   // the state's checksum does not fit
	word    string // the annotation that confirms a withdrawal
	status  map[string]string

	unreadable, unwritable string // why; "" if it is not
	failed                 bool   // the state could not be read or written; a scenario sets it to false before each pass

	hook   func(context.Context, inmemory.Call, inmemory.Phase) error // around every call; may be nil
	begins func()                                                     // is called before a call looks at anything; may be nil
	tries  map[string]int                                             // of each operation
	calls  []inmemory.Call
}

// store is how one process sees a home. It knows which state it has read or written last, and overwrites no other.
type store struct {
	*home
	seen int // the version of that state; -1 if none was read yet
}

var _ reconcile.Store = (*store)(nil)

// open is for a process that begins.
func (h *home) open() *store { return &store{home: h, seen: -1} }

// What the store calls its operations: those that read begin as EC2's do.
const (
	getState, putState         = "GetState", "PutState"
	getConfirmation, putStatus = "GetConfirmation", "PutStatus"
)

// patience is how long a call waits for an answer.
const patience = 15 * time.Second

// Load implements reconcile.Store.
func (s *store) Load(ctx context.Context) (state []byte, err error) {
	s.seen = -1
	err = s.call(ctx, getState, &s.unreadable, func() error {
		if s.seen = s.version; s.broken {
			return fmt.Errorf("%w: its checksum does not fit", reconcile.ErrUnreadable)
		}
		state = slices.Clone(s.state)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return state, nil
}

var (
	errNotRead   = errors.New("it has to be read before it is written")
	errOthersToo = errors.New("somebody else wrote it")
)

// Save implements reconcile.Store.
func (s *store) Save(ctx context.Context, state []byte) error {
	return s.call(ctx, putState, &s.unwritable, func() error {
		switch {
		case s.seen < 0:
			return errNotRead
		case s.version != 0 && s.version != s.seen:
			return errOthersToo
		}
		s.put(slices.Clone(state))
		s.seen = s.version
		return nil
	})
}

// Confirmed implements reconcile.Store.
func (s *store) Confirmed(ctx context.Context) (word string, err error) {
	err = s.call(ctx, getConfirmation, &s.unreadable, func() error { word = s.word; return nil })
	if err != nil {
		return "", err
	}
	return word, nil
}

// Show implements reconcile.Store.
func (s *store) Show(ctx context.Context, status map[string]string) error {
	return s.call(ctx, putStatus, &s.unwritable, func() error { s.status = maps.Clone(status); return nil })
}

// call lets the effect of a call come between the two phases in which it can go wrong.
func (s *store) call(ctx context.Context, operation string, failing *string, effect func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.begins != nil {
		s.begins()
	}
	c := s.begun(operation)
	err := s.phase(ctx, c, inmemory.Before)
	if err == nil && *failing != "" {
		err = errors.New(*failing)
	}
	if err == nil {
		s.mu.Lock()
		err = effect()
		s.mu.Unlock()
	}
	if err == nil {
		err = s.phase(ctx, c, inmemory.After)
	}
	if err != nil && (operation == getState || operation == putState) {
		s.failed = s.failed || !errors.Is(err, reconcile.ErrUnreadable)
	}
	return err
}

func (h *home) begun(operation string) inmemory.Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tries == nil {
		h.tries = map[string]int{}
	}
	h.tries[operation]++
	c := inmemory.Call{Operation: operation, Attempt: h.tries[operation]}
	h.calls = append(h.calls, c)
	return c
}

func (h *home) phase(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
	if h.hook == nil {
		return nil
	}
	return h.hook(ctx, c, phase)
}

// forgetCalls begins to record anew. Attempts go on.
func (h *home) forgetCalls() { h.calls = nil }

// isStored tells the calls of a store from those of EC2.
func isStored(c inmemory.Call) bool {
	return slices.Contains([]string{getState, putState, getConfirmation, putStatus}, c.Operation)
}

func (h *home) put(state []byte) {
	h.version++
	h.state, h.broken = state, false
}

// lose: somebody deletes the ConfigMaps.
func (h *home) lose() { h.state, h.status, h.word, h.broken, h.version = nil, nil, "", false, 0 }

// garble: somebody edits the state.
func (h *home) garble() {
	if h.state != nil {
		h.put(h.state[:len(h.state)/2])
		h.broken = true
	}
}

// touch: somebody else writes the state, and what he writes is as good as what was there.
func (h *home) touch() {
	if h.state != nil {
		h.put(h.state)
	}
}

// memory is what a process remembers that begins now.
func (h *home) memory() reconcile.Memory {
	if h.state == nil || h.broken {
		return reconcile.Memory{}
	}
	m, err := reconcile.UnmarshalMemory(h.state)
	if err != nil {
		return reconcile.Memory{}
	}
	return m
}

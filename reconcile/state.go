package reconcile

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// stateFormat is the version of the state that is saved. It changes when a reader of the old one would go wrong.
const stateFormat = 1

// stateDoc is a [Memory] as it is saved: a map whose keys are structs is no JSON.
type stateDoc struct {
	FormatVersion int             `json:"formatVersion"`
	Memory        Memory          `json:"memory"`
	Accepted      []acceptedEntry `json:"accepted"`
}

type acceptedEntry struct {
	Source   Source   `json:"source"`
	Accepted Accepted `json:"value"`
}

// Marshal gives a memory as bytes; equal memories give equal bytes.
func (m Memory) Marshal() ([]byte, error) {
	d := stateDoc{FormatVersion: stateFormat, Memory: m, Accepted: []acceptedEntry{}}
	for s, a := range m.Accepted {
		d.Accepted = append(d.Accepted, acceptedEntry{s, a})
	}
	slices.SortFunc(d.Accepted, func(a, b acceptedEntry) int { return a.Source.Compare(b.Source) })
	d.Memory.Accepted = nil
	return json.Marshal(d)
}

// UnmarshalMemory reads what Marshal gave. Whatever else it is given is an error that is [ErrUnreadable]: to believe half a
// memory could withdraw what it does not tell of.
func UnmarshalMemory(state []byte) (Memory, error) {
	var d stateDoc
	if err := json.Unmarshal(state, &d); err != nil {
		return Memory{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if d.FormatVersion != stateFormat {
		return Memory{}, fmt.Errorf("%w: its format is %d, and this program knows %d", ErrUnreadable, d.FormatVersion, stateFormat)
	}
	m := d.Memory.clone()
	for _, e := range d.Accepted {
		m.Accepted[e.Source] = e.Accepted
	}
	if err := m.check(); err != nil {
		return Memory{}, err
	}
	return m, nil
}

// check guards against a state that was written by hand: an invalid prefix would be a panic later, and so would a count that
// no counting comes to.
func (m Memory) check() error {
	for z, f := range m.Failures {
		if !counted(f.Count) {
			return fmt.Errorf("%w: %d is no number of failures (%s)", ErrUnreadable, f.Count, z)
		}
	}
	for z, s := range m.Sought {
		if !counted(s.Tries) {
			return fmt.Errorf("%w: %d is no number of tries (%s)", ErrUnreadable, s.Tries, z)
		}
	}
	lists := [][]netip.Prefix{m.Claimed, m.Before, m.Targets, m.Let}
	for _, a := range m.Accepted {
		lists = append(lists, a.Targets)
	}
	for _, l := range m.Leaving {
		lists = append(lists, []netip.Prefix{l.Prefix})
	}
	for _, l := range lists {
		for _, p := range l {
			if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() {
				return fmt.Errorf("%w: %s is no target", ErrUnreadable, p)
			}
		}
	}
	return nil
}

// counted reports whether counting up from nothing can have come to n, and can go on: waits are doubled that often.
func counted(n int) bool { return 0 <= n && n < math.MaxInt32 }

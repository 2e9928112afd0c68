package kube

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// noise is a state that does not compress, so that its size decides how many parts it has.
func noise(seed, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	state := make([]byte, size)
	for i := range state {
		state[i] = byte(random.Uint32())
	}
	return state
}

// inParts has that many parts of a home in a vault.
func inParts(seed, parts int) []byte {
	return noise(seed, 100*parts-50)
}

func saves(t *testing.T, h *Home, state []byte) {
	t.Helper()
	if err := h.Save(t.Context(), state); err != nil {
		t.Fatal(err)
	}
}

func loads(t *testing.T, h *Home, want []byte) {
	t.Helper()
	got, err := h.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Fatalf("another state was loaded: %d bytes, not %d", len(got), len(want))
	}
}

func TestSave(t *testing.T) {
	v := newVault()
	h := v.home()
	loads(t, h, nil)
	same(t, v.since(0), "get static-egress-state, get namespace n")
	steps := []struct {
		state        []byte
		calls, names string
	}{
		{
			[]byte("a"), "create static-egress-state, get static-egress-state-1-odd, get static-egress-state-1-even", // what a crash may have left
			"static-egress-state",
		},
		{[]byte("a"), "", "static-egress-state"},
		{[]byte("b"), "update static-egress-state", "static-egress-state"},
		{[]byte("a"), "update static-egress-state", "static-egress-state"},
		{
			inParts(1, 3),
			"create static-egress-state-1-even, create static-egress-state-2-even, update static-egress-state, " +
				"get static-egress-state-3-even, get static-egress-state-1-odd",
			"static-egress-state static-egress-state-1-even static-egress-state-2-even",
		},
		{inParts(1, 3), "", "static-egress-state static-egress-state-1-even static-egress-state-2-even"},
		{
			inParts(2, 2),
			"create static-egress-state-1-odd, update static-egress-state, get static-egress-state-2-odd, " +
				"get static-egress-state-1-even, get static-egress-state-2-even, get static-egress-state-3-even, " +
				"delete static-egress-state-2-even, delete static-egress-state-1-even",
			"static-egress-state static-egress-state-1-odd",
		},
		{
			[]byte("c"), "update static-egress-state, get static-egress-state-1-even, " +
				"get static-egress-state-1-odd, get static-egress-state-2-odd, delete static-egress-state-1-odd",
			"static-egress-state",
		},
		{[]byte{}, "update static-egress-state", "static-egress-state"},
	}
	for _, step := range steps {
		n := len(v.calls)
		saves(t, h, step.state)
		same(t, v.since(n), step.calls)
		same(t, v.names(), step.names)
		loads(t, v.home(), step.state)
	}

	// Another process goes on where this one has stopped.
	h = v.home()
	loads(t, h, []byte{})
	n := len(v.calls)
	saves(t, h, []byte{})
	same(t, v.since(n), "")
	saves(t, h, []byte("d"))
	same(t, v.objects[stateName].Data["generation"], "8")
	v.check(t)
}

func TestSaveMegabytes(t *testing.T) {
	v := newVault()
	h := v.clusters(nil).Home("n")
	loads(t, h, nil)
	big := noise(1, 3<<20)
	saves(t, h, big)
	same(t, v.names(), "static-egress-state static-egress-state-1-odd static-egress-state-2-odd static-egress-state-3-odd")
	h = v.clusters(nil).Home("n")
	loads(t, h, big)
	saves(t, h, []byte("small"))
	same(t, v.names(), "static-egress-state")
	loads(t, h, []byte("small"))

	// What could not be loaded is not saved.
	h = v.home()
	loads(t, h, []byte("small"))
	same(t, said(h.Save(t.Context(), make([]byte, 10_001))), "cluster c, namespace n, ConfigMap static-egress-state: it has 10001 bytes, more than 10000")
	saves(t, h, make([]byte, 10_000))
	loads(t, h, make([]byte, 10_000))
	v.check(t)
}

func TestLoadWhatWasTamperedWith(t *testing.T) {
	const head, one, two = stateName, "static-egress-state-1-odd", "static-egress-state-2-odd"
	signed := func(packed []byte) func(map[string]*corev1.ConfigMap) {
		return func(o map[string]*corev1.ConfigMap) {
			o[head].Data["parts"], o[head].Data["checksum"] = "1", checksum(1, 1, packed)
			o[head].BinaryData = map[string][]byte{"state.gz": packed}
		}
	}
	bomb, err := pack(make([]byte, 10_001))
	if err != nil {
		t.Fatal(err)
	}
	short, err := pack([]byte("short"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		tamper func(map[string]*corev1.ConfigMap)
		want   string // "" if it can be read
	}{
		{"nothing", func(map[string]*corev1.ConfigMap) {}, ""},
		{"labels and annotations", func(o map[string]*corev1.ConfigMap) {
			o[head].Labels = nil
			o[one].Annotations = map[string]string{"a": "b"}
		}, ""},
		{"the second part is missing", func(o map[string]*corev1.ConfigMap) { delete(o, one) }, one + ": the state cannot be read: it is missing, one of 3 parts"},
		{"the last part is missing", func(o map[string]*corev1.ConfigMap) { delete(o, two) }, two + ": the state cannot be read: it is missing, one of 3 parts"},
		{"a later version", func(o map[string]*corev1.ConfigMap) { o[head].Data["formatVersion"] = "2" }, head + `: the state cannot be read: its formatVersion is "2", and only "1" is known`},
		{"a part of a later version", func(o map[string]*corev1.ConfigMap) { o[one].Data["formatVersion"] = "2" }, one + `: the state cannot be read: its formatVersion is "2", the first part's "1"`},
		{"no data", func(o map[string]*corev1.ConfigMap) { o[head].Data = nil }, head + `: the state cannot be read: its formatVersion is "", and only "1" is known`},
		{"no bytes", func(o map[string]*corev1.ConfigMap) { o[head].BinaryData = nil }, head + ": the state cannot be read: its checksum is"},
		{"no generation", func(o map[string]*corev1.ConfigMap) { o[head].Data["generation"] = "x" }, head + `: the state cannot be read: "x" is no generation`},
		{"another generation", func(o map[string]*corev1.ConfigMap) { o[head].Data["generation"] = "3" }, one + `: the state cannot be read: its generation is "1", the first part's "3"`},
		{"another generation everywhere", func(o map[string]*corev1.ConfigMap) {
			for _, part := range o {
				part.Data["generation"] = "3"
			}
		}, head + ": the state cannot be read: its checksum is"},
		{"a part of another generation", func(o map[string]*corev1.ConfigMap) { o[two].Data["generation"] = "3" }, two + `: the state cannot be read: its generation is "3", the first part's "1"`},
		{"no parts", func(o map[string]*corev1.ConfigMap) { o[head].Data["parts"] = "0" }, head + `: the state cannot be read: "0" is no number of parts`},
		{"a number of parts that is none", func(o map[string]*corev1.ConfigMap) { o[head].Data["parts"] = "all" }, head + `: the state cannot be read: "all" is no number of parts`},
		{"fewer parts", func(o map[string]*corev1.ConfigMap) { o[head].Data["parts"] = "1" }, head + ": the state cannot be read: its checksum is"},
		{"more parts", func(o map[string]*corev1.ConfigMap) { o[head].Data["parts"] = "4" }, one + `: the state cannot be read: its parts is "3", the first part's "4"`},
		{"another checksum", func(o map[string]*corev1.ConfigMap) { o[head].Data["checksum"] = "x" }, one + ": the state cannot be read: its checksum is"},
		{"a bit in the head", func(o map[string]*corev1.ConfigMap) { o[head].BinaryData["state.gz"][50] ^= 1 }, head + ": the state cannot be read: its checksum is"},
		{"a bit in a part", func(o map[string]*corev1.ConfigMap) { o[two].BinaryData["state.gz"][5] ^= 1 }, head + ": the state cannot be read: its checksum is"},
		{"parts exchanged", func(o map[string]*corev1.ConfigMap) {
			o[one].BinaryData, o[two].BinaryData = o[two].BinaryData, o[one].BinaryData
		}, head + ": the state cannot be read: its checksum is"},
		{"not compressed", signed([]byte("{}")), head + ": the state cannot be read: unexpected EOF"},
		{"compressed and cut", signed(short[:len(short)-4]), head + ": the state cannot be read: unexpected EOF"},
		{"unpacks to more than there can be", signed(bomb), head + ": the state cannot be read: it unpacks to more than 10000 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newVault()
			h := v.home()
			loads(t, h, nil)
			saves(t, h, inParts(1, 3))
			tt.tamper(v.objects)
			state, err := h.Load(t.Context())
			switch {
			case tt.want == "":
				if err != nil || !bytes.Equal(state, inParts(1, 3)) {
					t.Error(err)
				}
			case !errors.Is(err, reconcile.ErrUnreadable) || state != nil || !strings.HasPrefix(said(err), "cluster c, namespace n, ConfigMap "+tt.want):
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			// It is not the end.
			saves(t, h, inParts(2, 2))
			loads(t, v.home(), inParts(2, 2))
			left := 2
			if tt.name == "the second part is missing" {
				left++ // nobody counts past a gap that is not ours
			}
			if len(v.objects) != left {
				t.Errorf("left: %s", v.names())
			}
			v.check(t)
		})
	}
}

// A plan reads while the controller saves. What it then finds torn is whole when it looks again.
func TestLoadWhileSomebodySaves(t *testing.T) {
	v := newVault()
	other := v.home()
	loads(t, other, nil)
	saves(t, other, inParts(1, 3))
	before := maps.Clone(v.objects)
	saves(t, other, inParts(2, 3))
	after := v.objects

	v.objects = maps.Clone(before)
	v.hook = func(call string) fault {
		if call == "get static-egress-state-2-odd" {
			v.objects = after
		}
		return fault{}
	}
	h := v.home()
	loads(t, h, inParts(2, 3))

	// There is an end to it.
	v.hook = func(call string) fault {
		if call == "get static-egress-state" {
			v.edit(stateName, func(cm *corev1.ConfigMap) { cm.Data = map[string]string{} })
		}
		return fault{}
	}
	if _, err := h.Load(t.Context()); err == nil || errors.Is(err, reconcile.ErrUnreadable) {
		t.Error(err)
	}
}

// An answer that does not come is not a state that is lost.
func TestLoadUnderEveryFault(t *testing.T) {
	v := newVault()
	h := v.home()
	loads(t, h, nil)
	saves(t, h, inParts(1, 3))
	for n := range 3 {
		for _, answer := range []error{errors.New("down"), apierrors.NewForbidden(configMaps, "x", nil), apierrors.NewTimeoutError("slow", 1)} {
			count := 0
			v.hook = func(string) fault {
				if count++; count == n+1 {
					return fault{err: answer}
				}
				return fault{}
			}
			state, err := h.Load(t.Context())
			if state != nil || !errors.Is(err, answer) || errors.Is(err, reconcile.ErrUnreadable) {
				t.Errorf("call %d: %q, %v", n+1, state, err)
			}
			if err := h.Save(t.Context(), nil); !errors.Is(err, errNotLoaded) {
				t.Errorf("saved unread: %v", err)
			}
		}
	}
	v.hook = nil
	loads(t, h, inParts(1, 3))
}

// Whatever goes wrong with whichever call of a save, the old state is there or the new one. This or another process then
// saves without trouble and leaves nothing behind.
func TestSaveUnderEveryFault(t *testing.T) {
	faults := map[string]func(n, count int) fault{
		"refused": func(n, count int) fault {
			if count == n {
				return fault{err: apierrors.NewForbidden(configMaps, "x", nil)}
			}
			return fault{}
		},
		"conflict": func(n, count int) fault {
			if count == n {
				return fault{err: apierrors.NewConflict(configMaps, "x", nil)}
			}
			return fault{}
		},
		"lost answer": func(n, count int) fault {
			if count == n {
				return fault{err: apierrors.NewTimeoutError("slow", 1), done: true}
			}
			return fault{}
		},
		// All calls from then on; the last one may have happened.
		"crash before": func(n, count int) fault {
			if count >= n {
				return fault{err: errors.New("crash")}
			}
			return fault{}
		},
		"crash after": func(n, count int) fault {
			if count >= n {
				return fault{err: errors.New("crash"), done: count == n}
			}
			return fault{}
		},
	}
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cases := 0
			for before := range 4 {
				for after := 1; after < 4; after++ {
					for _, orphans := range []bool{false, true} {
						for n := 1; ; n++ {
							name := fmt.Sprintf("at call %d, from %d parts to %d, orphans: %t", n, before, after, orphans)
							if !saveUnderFault(t, name, before, after, orphans, func(count int) fault { return faults[kind](n, count) }) {
								break
							}
							cases++
						}
					}
				}
			}
			if cases < 100 {
				t.Errorf("only %d cases", cases)
			}
		})
	}
}

// saveUnderFault says whether the fault was met.
func saveUnderFault(t *testing.T, name string, before, after int, orphans bool, f func(count int) fault) bool {
	t.Helper()
	v := newVault()
	defer v.check(t)
	h := v.home()
	loads(t, h, nil)
	var was []byte
	if before > 0 {
		was = inParts(1, before)
		saves(t, h, was)
	}
	if orphans { // of a save of 3 parts that crashed before its head
		v.hook = func(call string) fault {
			if call == "update "+stateName || call == "create "+stateName {
				return fault{err: errors.New("crash")}
			}
			return fault{}
		}
		if err := h.Save(t.Context(), inParts(9, 3)); err == nil {
			t.Fatal("no crash")
		}
		v.hook = nil
	}
	h = v.home()
	loads(t, h, was)

	count, met := 0, false
	v.hook = func(string) fault {
		count++
		f := f(count)
		met = met || f.err != nil
		return f
	}
	will := inParts(2, after)
	err := h.Save(t.Context(), will)
	v.hook = nil

	is, loadErr := v.home().Load(t.Context())
	switch {
	case loadErr != nil:
		t.Errorf("%s: %v", name, loadErr)
	case err == nil && !bytes.Equal(is, will):
		t.Errorf("%s: it was not saved", name)
	case !bytes.Equal(is, will) && !bytes.Equal(is, was):
		t.Errorf("%s: a third state", name)
	}
	if !met {
		return false
	}

	// The process goes on.
	saves(t, h, will)
	loads(t, v.home(), will)
	// And one that starts clears up after it, whatever size its state is.
	h = v.home()
	loads(t, h, will)
	saves(t, h, inParts(3, 2))
	loads(t, v.home(), inParts(3, 2))
	if len(v.objects) != 2 {
		t.Errorf("%s: left are %s", name, v.names())
	}
	return true
}

// Two that save in turns get in each other's way at once, and neither spoils what the other has saved.
func TestSaveBesideAnother(t *testing.T) {
	for _, known := range []int{0, 1, 3} {
		for _, theirs := range []int{1, 3} {
			for _, ours := range []int{1, 2} {
				v := newVault()
				us, them := v.home(), v.home()
				loads(t, us, nil)
				generation := 0
				if known > 0 {
					saves(t, us, inParts(1, known))
					generation = 1
				}
				_, err := them.Load(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				saves(t, them, inParts(2, theirs))
				for range 2 {
					err = us.Save(t.Context(), inParts(3, ours))
					same(t, said(err), fmt.Sprintf("cluster c, namespace n, ConfigMap static-egress-state: somebody else wrote it: "+
						"it is of generation \"%d\", and the last that we know of is %d; does another controller run in this namespace?", generation+1, generation))
				}
				loads(t, v.home(), inParts(2, theirs))
				saves(t, them, inParts(4, theirs))
				loads(t, us, inParts(4, theirs))
				saves(t, us, inParts(5, ours))
				loads(t, v.home(), inParts(5, ours))
				v.check(t)
			}
		}
	}
}

// What others write on the state without changing it, or deleting it, does not stop us.
func TestSaveAfterSomebodyTouchedIt(t *testing.T) {
	v := newVault()
	h := v.home()
	loads(t, h, nil)
	saves(t, h, inParts(1, 3))
	v.edit(stateName, func(cm *corev1.ConfigMap) {
		cm.Annotations = map[string]string{"theirs": "x"}
		cm.Labels = map[string]string{"egress": "static", "theirs": "y"}
	})
	saves(t, h, []byte("b"))
	if cm := v.objects[stateName]; cm.Annotations["theirs"] != "x" || cm.Labels["theirs"] != "y" {
		t.Errorf("lost: %v", cm.ObjectMeta)
	}
	loads(t, v.home(), []byte("b"))

	for _, parts := range []int{1, 3, 2} {
		delete(v.objects, stateName)
		loads(t, v.home(), nil)
		saves(t, h, inParts(2, parts))
		loads(t, v.home(), inParts(2, parts))
	}
	v.check(t)
}

// A Role without delete costs a line in the log.
func TestSaveThatMayNotDelete(t *testing.T) {
	v := newVault()
	var log buffer
	h := v.clusters(slog.New(slog.NewTextHandler(&log, nil))).Home("n")
	h.partSize = 100
	loads(t, h, nil)
	saves(t, h, inParts(1, 3))
	v.hook = func(call string) fault {
		if strings.HasPrefix(call, "delete") {
			return fault{err: apierrors.NewForbidden(configMaps, "x", errors.New("you may not"))}
		}
		return fault{}
	}
	saves(t, h, []byte("a"))
	loads(t, v.home(), []byte("a"))
	if !strings.Contains(log.String(), "you may not") {
		t.Errorf("the log says: %s", log.String())
	}
	v.hook = nil
	saves(t, h, []byte("b"))
	same(t, v.names(), "static-egress-state")
}

// Any history of one process after the other: saves under faults, writes that come late, people who meddle. What can be
// loaded is the state that was saved last, or one that was tried since.
func TestStateHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newVault()
		ctx := t.Context()
		h := v.home()
		if _, err := h.Load(ctx); err != nil {
			t.Fatal(err)
		}
		possible := [][]byte{nil} // what a Load may give
		late := false             // a late write may leave parts of two saves side by side: unreadable, but never mixed
		load := func(t *rapid.T, h *Home) (ok bool) {
			state, err := h.Load(ctx)
			switch {
			case err == nil && !slices.ContainsFunc(possible, func(p []byte) bool { return bytes.Equal(p, state) && (p == nil) == (state == nil) }):
				t.Fatalf("a state that nobody saved, of %d bytes", len(state))
			case err != nil && (!errors.Is(err, reconcile.ErrUnreadable) || !late):
				t.Fatal(err)
			}
			return err == nil
		}
		seed := 0
		t.Repeat(map[string]func(*rapid.T){
			"save": func(t *rapid.T) {
				seed++
				state := inParts(seed, rapid.IntRange(1, 4).Draw(t, "parts"))
				faults := rapid.SliceOfN(rapid.SampledFrom([]fault{
					{},
					{},
					{},
					{err: errors.New("down")},
					{err: errors.New("lost"), done: true},
					{err: errors.New("late"), late: true},
					{err: apierrors.NewConflict(configMaps, "x", nil)},
				}), 0, 8).Draw(t, "faults")
				v.hook = func(call string) fault {
					if len(faults) == 0 {
						return fault{}
					}
					f := faults[0]
					faults = faults[1:]
					if f.late && strings.HasPrefix(call, "get") {
						f.late = false
					}
					return f
				}
				err := h.Save(ctx, state)
				v.hook = nil
				if possible = append(possible, state); err == nil {
					possible = [][]byte{state}
				}
			},
			"save in peace": func(t *rapid.T) {
				seed++
				state := inParts(seed, rapid.IntRange(1, 4).Draw(t, "parts"))
				if err := h.Save(ctx, state); err != nil {
					t.Fatal(err)
				}
				possible = [][]byte{state}
			},
			"what is late comes": func(t *rapid.T) {
				if len(v.late) == 0 {
					t.Skip("nothing")
				}
				i := rapid.IntRange(0, len(v.late)-1).Draw(t, "which")
				_ = v.late[i]() // nobody hears the answer
				v.late = slices.Delete(v.late, i, i+1)
				late = true
			},
			"restart": func(t *rapid.T) {
				v.late = nil // a new process starts when the API server has done with the old one's requests
				h = v.home()
				load(t, h)
			},
			"annotate": func(t *rapid.T) {
				if v.objects[stateName] == nil {
					t.Skip("nothing")
				}
				v.edit(stateName, func(cm *corev1.ConfigMap) { cm.Annotations = map[string]string{"seed": fmt.Sprint(seed)} })
			},
			"delete": func(*rapid.T) {
				delete(v.objects, stateName)
				v.late = nil // a create that comes after this would bring an older state back, and nobody could tell
				possible = append(possible, nil)
			},
			"": func(t *rapid.T) {
				load(t, v.home())
				v.check(t)
			},
		})
	})
}

package kube

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// The state is compressed and cut into parts. The first is static-egress-state, the head; almost always it is the only
// one. Each part says of which generation the state is, in how many parts it is, and what its checksum is.
//
// A save must leave the old state or the new one, wherever it is interrupted. So the head is written last, in one call;
// and the other parts have names by the generation's parity, so that those of the old state stay until the new head is
// there:
//
//	generation 7  static-egress-state  static-egress-state-1-odd   static-egress-state-2-odd
//	generation 8  static-egress-state  static-egress-state-1-even
//
// Whose state it is, if somebody else writes too, is decided by the head's resource version.
const (
	stateName   = "static-egress-state"
	stateFormat = "1"

	formatKey     = "formatVersion"
	generationKey = "generation"
	partsKey      = "parts"
	checksumKey   = "checksum"
	binaryKey     = "state.gz"

	maxPart = maxData - 4<<10 // the rest of a part is much less
	// What is larger is no state: some bytes in a ConfigMap can be made to unpack to any size.
	maxState = 64 << 20

	maxLoads = 5
)

// saved is what a Home knows of the state in the cluster.
type saved struct {
	why        error             // why nothing can be saved now
	head       *corev1.ConfigMap // as it was seen or written last; nil if there is none
	content    digest            // of that head, or of the last one before it vanished
	state      digest            // of the bytes that Load would give; zero if it would give none
	generation uint64
	parts      int
	doubt      bool              // a write failed: it may have happened all the same
	tried      map[digest]digest // such heads: the state of each by content
	tidy       bool              // there are no parts that belong to no state, as far as is known
}

var errNotLoaded = errors.New("it has to be loaded before it is saved, so that nothing is overwritten unread")

func tailName(generation uint64, n int) string {
	parity := "even"
	if generation%2 == 1 {
		parity = "odd"
	}
	return fmt.Sprintf("%s-%d-%s", stateName, n, parity)
}

// Load implements [reconcile.Store]. It reads live, and writes nothing.
func (h *Home) Load(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saved = saved{why: errNotLoaded}

	var last string
	var broken error
	for range maxLoads {
		head, err := h.get(ctx, stateName)
		switch {
		case apierrors.IsNotFound(err):
			if err := h.exists(ctx); err != nil {
				return nil, err
			}
			h.saved = saved{}
			return nil, nil
		case err != nil:
			return nil, err
		case broken != nil && head.ResourceVersion == last:
			// It was not that somebody wrote while we were reading.
			h.saved = saved{head: head, content: fingerprint(head), generation: generation(head)}
			return nil, broken
		}
		state, parts, err := h.assemble(ctx, head)
		switch {
		case errors.Is(err, reconcile.ErrUnreadable):
			last, broken = head.ResourceVersion, err
			continue
		case err != nil:
			return nil, err
		}
		h.saved = saved{
			head: head, content: fingerprint(head), state: sha256.Sum256(state), generation: generation(head), parts: parts,
		}
		return state, nil
	}
	return nil, h.at(stateName, errors.New("it was changed again and again while it was read"))
}

// exists tells a state that was never saved from a namespace with a typo.
func (h *Home) exists(ctx context.Context) error {
	return h.call(ctx, stateName, func(ctx context.Context) error {
		_, err := h.cluster.client.CoreV1().Namespaces().Get(ctx, h.namespace, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return nil
		case apierrors.IsNotFound(err):
			return errNoNamespace
		}
		return err
	})
}

// assemble reads all parts of the state that a head begins.
func (h *Home) assemble(ctx context.Context, head *corev1.ConfigMap) (state []byte, parts int, err error) {
	unreadable := func(name, format string, args ...any) ([]byte, int, error) {
		return nil, 0, h.at(name, fmt.Errorf("%w: %s", reconcile.ErrUnreadable, fmt.Sprintf(format, args...)))
	}
	if version := head.Data[formatKey]; version != stateFormat {
		return unreadable(stateName, "its formatVersion is %q, and only %q is known", version, stateFormat)
	}
	number, err := strconv.ParseUint(head.Data[generationKey], 10, 64)
	if err != nil {
		return unreadable(stateName, "%q is no generation", head.Data[generationKey])
	}
	parts, err = strconv.Atoi(head.Data[partsKey])
	if err != nil || parts < 1 {
		return unreadable(stateName, "%q is no number of parts", head.Data[partsKey])
	}
	packed := slices.Clone(head.BinaryData[binaryKey])
	for n := 1; n < parts; n++ {
		name := tailName(number, n)
		tail, err := h.get(ctx, name)
		switch {
		case apierrors.IsNotFound(err):
			return unreadable(name, "it is missing, one of %d parts", parts)
		case err != nil:
			return nil, 0, err
		}
		for _, key := range []string{formatKey, generationKey, partsKey, checksumKey} {
			if got, want := tail.Data[key], head.Data[key]; got != want {
				return unreadable(name, "its %s is %q, the first part's %q", key, got, want)
			}
		}
		packed = append(packed, tail.BinaryData[binaryKey]...)
		if len(packed) > 2*h.maxState {
			return unreadable(name, "it is too large")
		}
	}
	if got, want := checksum(number, parts, packed), head.Data[checksumKey]; got != want {
		return unreadable(stateName, "its checksum is %q, and should be %q", want, got)
	}
	state, err = unpack(packed, h.maxState)
	if err != nil {
		return unreadable(stateName, "%s", err)
	}
	return state, parts, nil
}

// generation gives that of a head, or 0 for one that cannot be read: then nothing is lost by counting anew.
func generation(head *corev1.ConfigMap) uint64 {
	n, err := strconv.ParseUint(head.Data[generationKey], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// checksum is of all that the parts say together.
func checksum(generation uint64, parts int, packed []byte) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s %d %d\n", stateFormat, generation, parts) // a hash takes everything
	_, _ = sum.Write(packed)
	return hex.EncodeToString(sum.Sum(nil))
}

func pack(state []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(state); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(packed []byte, limit int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	state, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(state) > limit {
		return nil, fmt.Errorf("it unpacks to more than %d bytes", limit)
	}
	return state, nil
}

// Save implements [reconcile.Store]. What was loaded or saved last is not written again. Wherever it is interrupted, the
// old state can be loaded, or the new one.
//
// It fails, until the state is loaded again, if somebody else has changed it since. That does not mean labels and
// annotations, and not its being deleted: then it is made again.
func (h *Home) Save(ctx context.Context, state []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(state) > h.maxState {
		return h.at(stateName, fmt.Errorf("it has %d bytes, more than %d", len(state), h.maxState))
	}
	sum := digest(sha256.Sum256(state))
	if s := &h.saved; s.why == nil && !s.doubt && s.head != nil && s.state == sum {
		return nil
	}
	packed, err := pack(state)
	if err != nil {
		return h.at(stateName, err)
	}
	if err := h.write(ctx, packed, sum); err != nil {
		return err
	}
	if h.saved.tidy {
		return nil
	}
	if err := h.sweep(ctx); err != nil {
		h.log.Warn("parts of an older state are left; they do no harm, and the next save tries to delete them", "reason", err)
		return nil
	}
	h.saved.tidy = true
	return nil
}

func (h *Home) write(ctx context.Context, packed []byte, state digest) error {
	s := &h.saved
	for attempt := 1; ; attempt++ {
		if s.why != nil {
			return h.at(stateName, s.why)
		}
		if s.doubt {
			if err := h.settle(ctx); err != nil {
				return err
			}
			if s.head != nil && s.state == state {
				return nil
			}
		}
		err := h.writeParts(ctx, packed, state)
		if err == nil {
			return nil
		}
		s.doubt = true
		switch {
		case attempt == maxWrites:
			return err
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err), errors.Is(err, errOutdated):
		default:
			return err
		}
	}
}

// settle finds out what there is after a write that failed.
func (h *Home) settle(ctx context.Context) error {
	s := &h.saved
	head, err := h.get(ctx, stateName)
	switch {
	case apierrors.IsNotFound(err):
		s.head, s.doubt = nil, false
		return nil
	case err != nil:
		return err
	}
	found := fingerprint(head)
	state, ours := s.tried[found]
	switch {
	case found == s.content:
	case ours:
		// The answer to a write was lost, and sometimes the write was only late.
		s.content, s.state, s.generation = found, state, generation(head)
		s.parts, _ = strconv.Atoi(head.Data[partsKey]) // we wrote it
	default:
		s.why = fmt.Errorf("somebody else wrote it: it is of generation %q, and the last that we know of is %d; "+
			"does another controller run in this namespace?", head.Data[generationKey], s.generation)
		return h.at(stateName, s.why)
	}
	s.head, s.doubt = head, false
	return nil
}

func (h *Home) writeParts(ctx context.Context, packed []byte, state digest) error {
	s := &h.saved
	next := s.generation + 1
	chunks := slices.Collect(slices.Chunk(packed, h.partSize))
	parts := len(chunks)
	data := map[string]string{
		formatKey:     stateFormat,
		generationKey: strconv.FormatUint(next, 10),
		partsKey:      strconv.Itoa(parts),
		checksumKey:   checksum(next, parts, packed),
	}
	if s.parts > 1 || parts > 1 {
		s.tidy = false
	}
	for n := 1; n < parts; n++ {
		if err := h.writeTail(ctx, tailName(next, n), data, map[string][]byte{binaryKey: chunks[n]}); err != nil {
			return err
		}
	}

	head := h.dress(s.head, stateName, data, map[string][]byte{binaryKey: chunks[0]})
	found := fingerprint(head)
	if s.tried == nil {
		s.tried = map[digest]digest{}
	}
	s.tried[found] = state
	put := h.update
	if s.head == nil {
		put = h.create
	}
	written, err := put(ctx, head)
	if err != nil {
		return err
	}
	*s = saved{head: written, content: found, state: state, generation: next, parts: parts, tidy: s.tidy}
	return nil
}

// errOutdated says that the state is not the one that a write was to replace.
var errOutdated = errors.New("the state has changed meanwhile")

func (h *Home) writeTail(ctx context.Context, name string, data map[string]string, binary map[string][]byte) error {
	_, err := h.create(ctx, h.dress(nil, name, data, binary))
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	// A save that did not end has left it. Or somebody else is a generation ahead of us, and needs it.
	before := h.saved.generation
	if err := h.settle(ctx); err != nil {
		return err
	}
	if h.saved.generation != before {
		return h.at(stateName, errOutdated)
	}
	there, err := h.get(ctx, name)
	if err != nil {
		return err
	}
	_, err = h.update(ctx, h.dress(there, name, data, binary))
	return err
}

// sweep deletes the parts that do not belong to the state. They are found by counting on until there is none, so they are
// deleted from the end: an interruption leaves no gap that would hide some.
func (h *Home) sweep(ctx context.Context) error {
	for _, g := range []uint64{h.saved.generation, h.saved.generation + 1} {
		first := 1
		if g == h.saved.generation {
			first = max(1, h.saved.parts)
		}
		var stale []metav1.ObjectMeta
		for n := first; ; n++ {
			found, err := h.get(ctx, tailName(g, n))
			if apierrors.IsNotFound(err) {
				break
			}
			if err != nil {
				return err
			}
			stale = append(stale, found.ObjectMeta)
		}
		for _, meta := range slices.Backward(stale) {
			if err := h.remove(ctx, meta); err != nil {
				return err
			}
		}
	}
	return nil
}

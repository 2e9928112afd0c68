package kube

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

const (
	statusName        = "static-egress-status"
	confirmAnnotation = "static-egress/confirm-withdrawal"
)

// Confirmed implements [reconcile.Store]: it gives the annotation static-egress/confirm-withdrawal of the status.
func (h *Home) Confirmed(ctx context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.look(ctx); err != nil {
		return "", err
	}
	if h.status == nil {
		return "", nil
	}
	return h.status.Annotations[confirmAnnotation], nil
}

// Show implements [reconcile.Store]. The status is written only when it differs from what we last knew to be there, and
// what others wrote on it (labels, annotations) stays. If there is more than a ConfigMap holds, the longest texts are cut
// and say so in their last line.
func (h *Home) Show(ctx context.Context, texts map[string]string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	texts = bound(texts, maxData)
	if shows(h.status, texts) {
		return nil
	}
	for attempt := 1; ; attempt++ {
		if err := h.look(ctx); err != nil {
			return err
		}
		if shows(h.status, texts) {
			return nil
		}
		put := h.update
		if h.status == nil {
			put = h.create
		}
		written, err := put(ctx, h.dress(h.status, statusName, texts, nil))
		if err == nil {
			h.status = written
			return nil
		}
		h.status = nil // it may have happened all the same: to be looked at again
		switch {
		case attempt == maxWrites:
			return err
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
			// Somebody has annotated it, made it or deleted it since we looked.
		default:
			return err
		}
	}
}

// statusUID is that of the status as it was seen or written last; empty if it is not there.
func (h *Home) statusUID() types.UID {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.status == nil {
		return ""
	}
	return h.status.UID
}

// look reads the status live.
func (h *Home) look(ctx context.Context) error {
	found, err := h.get(ctx, statusName)
	switch {
	case apierrors.IsNotFound(err):
		h.status = nil
		return nil
	case err != nil:
		return err
	}
	h.status = found
	return nil
}

func shows(cm *corev1.ConfigMap, texts map[string]string) bool {
	if cm == nil {
		return false
	}
	_, asks := cm.Labels[labelKey]
	return !asks && cm.Labels[nameLabel] == program && cm.Labels[managedByLabel] == program &&
		len(cm.BinaryData) == 0 && maps.Equal(cm.Data, texts)
}

// bound cuts the longest texts, if it must, until all are no longer than limit together.
func bound(texts map[string]string, limit int) map[string]string {
	texts = maps.Clone(texts)
	size := 0
	for key, text := range texts {
		size += len(key) + len(text)
	}
	longest := slices.SortedFunc(maps.Keys(texts), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(texts[b]), len(texts[a])), cmp.Compare(a, b))
	})
	for _, key := range longest {
		if size <= limit {
			break
		}
		text := texts[key]
		if short := cut(text, len(text)-(size-limit)); len(short) < len(text) {
			texts[key] = short
			size -= len(text) - len(short)
		}
	}
	return texts
}

// cut shortens a text to size, or to nothing but the line that says so.
func cut(text string, size int) string {
	notice := fmt.Sprintf("... cut here: the whole has %d bytes, and a ConfigMap has no room for it\n", len(text))
	kept := text[:min(len(text), max(0, size-len(notice)-1))]
	if end := strings.LastIndexByte(kept, '\n') + 1; end > len(kept)/2 {
		return kept[:end] + notice
	}
	// Its last line is long.
	for len(kept) > 0 && !utf8.RuneStart(text[len(kept)]) {
		kept = kept[:len(kept)-1]
	}
	if kept == "" {
		return notice
	}
	return kept + "\n" + notice
}

package kube

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestShowAndConfirmed(t *testing.T) {
	v, one, two := newVault(), map[string]string{"formatVersion": "1", "zones": "a"}, map[string]string{"formatVersion": "1", "zones": "b"}
	h := v.home()
	confirmed := func(want string) {
		t.Helper()
		got, err := h.Confirmed(t.Context())
		if got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	show := func(texts map[string]string, want string) {
		t.Helper()
		n := len(v.calls)
		if err := h.Show(t.Context(), texts); err != nil {
			t.Error(err)
		}
		same(t, v.since(n), want)
		if got := v.objects[statusName].Data; !maps.Equal(got, texts) {
			t.Errorf("it shows %v", got)
		}
	}
	const get, create, update = "get static-egress-status", "create static-egress-status", "update static-egress-status"

	confirmed("")
	show(one, get+", "+create)
	show(one, "")
	confirmed("")
	show(two, get+", "+update)

	// Somebody confirms. Neither what we show then, nor one who writes at the same moment, undoes that.
	v.edit(statusName, func(cm *corev1.ConfigMap) {
		cm.Annotations = map[string]string{"static-egress/confirm-withdrawal": "abc", "theirs": "x"}
		cm.Labels["theirs"] = "y"
	})
	show(two, "")
	show(one, get+", "+update)
	confirmed("abc")
	v.hook = func(call string) fault {
		if call == update {
			v.hook = nil
			v.edit(statusName, func(cm *corev1.ConfigMap) { cm.Annotations["static-egress/confirm-withdrawal"] = "def" })
		}
		return fault{}
	}
	show(two, get+", "+update+", "+get+", "+update)
	confirmed("def")
	if cm := v.objects[statusName]; cm.Annotations["theirs"] != "x" || cm.Labels["theirs"] != "y" {
		t.Errorf("lost: %v", cm.ObjectMeta)
	}

	// A new process finds it as it should be.
	h = v.home()
	show(two, get)
	// What was spoiled is seen when somebody looks, and mended.
	for _, spoil := range []func(*corev1.ConfigMap){
		func(cm *corev1.ConfigMap) { cm.Labels["egress"] = "static" },
		func(cm *corev1.ConfigMap) { cm.Data["zones"] = "8.8.8.8" },
		func(cm *corev1.ConfigMap) { cm.BinaryData = map[string][]byte{"zones": {1}} },
		func(cm *corev1.ConfigMap) { cm.Labels = nil },
	} {
		v.edit(statusName, spoil)
		confirmed("def")
		show(two, get+", "+update)
	}
	if cm := v.objects[statusName]; len(cm.BinaryData) > 0 {
		t.Errorf("it has %v", cm.BinaryData)
	}
	delete(v.objects, statusName)
	confirmed("")
	show(two, get+", "+create)
	v.check(t)
}

// A write that fails may have happened, so it is looked at again.
func TestShowAfterAFault(t *testing.T) {
	for _, f := range []fault{{err: errors.New("down")}, {err: errors.New("down"), done: true}, {err: apierrors.NewConflict(configMaps, "x", nil)}} {
		v := newVault()
		h := v.home()
		if err := h.Show(t.Context(), map[string]string{"a": "1"}); err != nil {
			t.Fatal(err)
		}
		v.hook = func(call string) fault {
			if strings.HasPrefix(call, "update") {
				return f
			}
			return fault{}
		}
		if err := h.Show(t.Context(), map[string]string{"a": "2"}); err == nil {
			t.Error("no error")
		}
		if len(v.calls) > 10 {
			t.Errorf("it tried %d times", len(v.calls))
		}
		v.hook = nil
		for _, a := range []string{"1", "2"} {
			if err := h.Show(t.Context(), map[string]string{"a": a}); err != nil || v.objects[statusName].Data["a"] != a {
				t.Errorf("%v, %v", err, v.objects[statusName].Data)
			}
		}
		v.check(t)
	}
}

func TestShowTooMuch(t *testing.T) {
	v := newVault()
	var lines strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&lines, "claim %d\n", i)
	}
	texts := map[string]string{"formatVersion": "1", "claims": lines.String(), "zones": strings.Repeat("z", 500<<10)}
	if err := v.home().Show(t.Context(), texts); err != nil {
		t.Fatal(err)
	}
	got := v.objects[statusName].Data
	if got["formatVersion"] != "1" || got["zones"] != texts["zones"] {
		t.Error("a text was cut that is not the longest")
	}
	notice := fmt.Sprintf("\n... cut here: the whole has %d bytes, and a ConfigMap has no room for it\n", lines.Len())
	kept, ok := strings.CutSuffix(got["claims"], notice)
	if !ok || len(kept) < 390<<10 || !strings.HasPrefix(lines.String(), kept+"\n") {
		t.Errorf("%d bytes are kept, up to %q", len(kept), got["claims"][len(got["claims"])-100:])
	}
	v.check(t)
}

func TestBound(t *testing.T) {
	long := strings.Repeat("ä", 500)
	for _, texts := range []map[string]string{
		{},
		{"a": long},
		{"a": long, "b": long},
		{"a": long, "b": long, "c": long[:20]},
		{"a": strings.Repeat("a\n", 500), "b": strings.Repeat("b\n", 501), "c": "c"},
	} {
		for limit := 300; limit < 2100; limit++ {
			size, got := 0, bound(texts, limit)
			for key, text := range got {
				size += len(key) + len(text)
				if text != texts[key] && !strings.HasSuffix(text, "\n"+cut(texts[key], 0)) && text != cut(texts[key], 0) {
					t.Fatalf("%s became %q", key, text)
				}
				if !utf8.ValidString(text) {
					t.Fatalf("%q", text)
				}
			}
			if size > limit || len(got) != len(texts) {
				t.Fatalf("%d bytes and %d texts for the limit %d", size, len(got), limit)
			}
		}
	}
	if got := bound(map[string]string{"a": "b"}, 0); got["a"] != "b" {
		t.Errorf("a text that is shorter than the line that would say so became %q", got["a"])
	}
}

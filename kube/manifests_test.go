package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// asks is a ConfigMap that asks for one target.
func asks(name, target string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata:
  name: %s
  labels: {egress: static}
data:
  partner: %s
`, name, target)
}

// lay writes files into a new folder and makes it the working directory, so that no message names a path of the machine.
// The value of a file that ends in -> is where it links to.
func lay(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		write(t, name, text)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	link, isLink := strings.CutSuffix(name, "->")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	switch {
	case isLink:
		err = os.Symlink(text, link)
	case strings.HasSuffix(name, "/"):
		err = os.MkdirAll(name, 0o755)
	default:
		err = os.WriteFile(name, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// draw writes a reading down, a line for each value.
func draw(r reconcile.Reading) string {
	var b strings.Builder
	for _, c := range r.Clusters {
		for _, cm := range c.ConfigMaps {
			fmt.Fprintf(&b, "%s/%s", cm.Namespace, cm.Name)
			if !cm.Created.IsZero() {
				fmt.Fprintf(&b, " of %s", cm.Created.UTC().Format(time.RFC3339))
			}
			for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
				fmt.Fprintf(&b, " %s=%q", key, cm.Data[key])
			}
			for _, key := range cm.BinaryKeys {
				fmt.Fprintf(&b, " %s=binary", key)
			}
			b.WriteString("\n")
		}
		if c.Incomplete != "" {
			fmt.Fprintf(&b, "incomplete: %s\n", strings.ReplaceAll(c.Incomplete, "; ", "\nincomplete: "))
		}
	}
	return b.String()
}

func TestManifests(t *testing.T) {
	// What is wanted is what Read gives. Check is to fail in just the cases in which "mistake" is set.
	tests := []struct {
		name       string
		files      map[string]string // default: only a.yaml, with text
		text       string
		paths      []string // default: "."
		namespaces []string
		stdin      string
		want       string
		mistake    bool
	}{
		{
			name: "plain",
			text: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: egress-t1\n  namespace: shop\n  labels:\n    egress: static\n" +
				"data:\n  service-provider1: 192.112.1.0/21     # not canonical\n  google-dns: 8.8.8.8/32\n",
			want: "shop/egress-t1 google-dns=\"8.8.8.8/32\" service-provider1=\"192.112.1.0/21\"\n",
		},
		{
			name: "no namespace means default",
			text: asks("a", "8.8.8.8"),
			want: "default/a partner=\"8.8.8.8\"\n",
		},
		{
			name:  "json",
			files: map[string]string{"a.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","annotations":{"mood":"\ud83d\ude00"},"labels":{"egress":"static"}},"data":{"partner":"8.8.8.8"}}`},
			want:  "default/a partner=\"8.8.8.8\"\n",
		},
		{
			name: "a stream of json",
			files: map[string]string{"a.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"egress":"static"}},"data":{"k":"8.8.8.8"}}
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","labels":{"egress":"static"}},"data":{"k":4}}`},
			want: "default/a k=\"8.8.8.8\"\ndefault/b\n" +
				"incomplete: a.json, document 2 (line 1): ConfigMap default/b: data, key \"k\": the value is a number, not a string (write it in quotes)\n",
			mistake: true,
		},
		{
			name: "documents, with a mark at the start, comments only, and nothing",
			text: "---\n# first\n---\n" + asks("b", "8.8.8.8") + "---  # the last\n---\n\n---\n" + asks("a", "1.1.1.1") + "---\n",
			want: "default/a partner=\"1.1.1.1\"\ndefault/b partner=\"8.8.8.8\"\n",
		},
		{
			name: "lines that end as on Windows, after a byte order mark",
			text: "\ufeff" + strings.ReplaceAll("---\n"+asks("a", "8.8.8.8")+"---\n"+asks("b", "1.1.1.1"), "\n", "\r\n"),
			want: "default/a partner=\"8.8.8.8\"\ndefault/b partner=\"1.1.1.1\"\n",
		},
		{
			name:    "documents that the splitter does not see are not lost without a word",
			files:   map[string]string{"a.yaml": asks("a", "8.8.8.8") + "...\n" + asks("b", "8.8.8.8"), "b.yaml": strings.ReplaceAll(asks("c", "8.8.8.8")+"---\n"+asks("d", "8.8.8.8"), "\n", "\r")},
			want:    "incomplete: a.yaml, document 1 (line 1): line 8: did not find expected <document start>\nincomplete: b.yaml, document 1 (line 1): another document begins without a line \"---\"\n",
			mistake: true,
		},
		{
			name:    "UTF-16",
			text:    "\xff\xfea\x00:\x00",
			want:    "incomplete: a.yaml: this is not UTF-8\n",
			mistake: true,
		},
		{
			name: "lists, and lists in lists",
			text: `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a, labels: {egress: static}}
  data: {k: 8.8.8.8}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - metadata: {name: b, labels: {egress: static}}
    data: {k: [8.8.8.8]}
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: c, labels: {egress: static}}
- {}
-
`,
			want: "default/a k=\"8.8.8.8\"\ndefault/b\ndefault/c\n" +
				"incomplete: a.yaml, document 1 (line 1), item 3, item 1: ConfigMap default/b: data, key \"k\": the value is a list, not a string\n" +
				"incomplete: a.yaml, document 1 (line 1), item 4: this is not a Kubernetes object: it has no kind or no apiVersion\n" +
				"incomplete: a.yaml, document 1 (line 1), item 5: this is not a Kubernetes object: it is empty\n",
			mistake: true,
		},
		{
			name: "an empty list is the way to claim nothing",
			text: "apiVersion: v1\nkind: List\nitems: []\n",
		},
		{
			name: "other kinds, versions and labels are passed over",
			text: "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {egress: static}}\n---\n" +
				"apiVersion: example.org/v1\nkind: ConfigMap\nmetadata: {name: a, labels: {egress: static}}\ndata: {k: 1}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {egress: dynamic}}\ndata: {k: 1}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {egress: true}}\n---\n" +
				"apiVersion: apps/v1\nkind: Deployment\nspec: {a: 1, a: 2}\nmetadata: some text\n",
		},
		{
			name:       "other namespaces are passed over, mistakes and all",
			text:       strings.Replace(asks("a", "8080"), "name: a", "name: a\n  namespace: theirs", 1) + "---\n" + strings.Replace(asks("a", "8.8.8.8"), "name: a", "name: a\n  namespace: ours", 1),
			namespaces: []string{"ours"},
			want:       "ours/a partner=\"8.8.8.8\"\n",
		},
		{
			name: "what one ConfigMap holds",
			text: `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  creationTimestamp: 2026-01-02T03:04:05Z
  labels: &labels {egress: static, team: &team t1}
  annotations: {team: *team}
immutable: true
status: {}
data:
  block: |
    8.8.8.8
    1.1.1.1
  empty: ""
binaryData:
  b: "!"
  a: AAAA
`,
			want: "default/a of 2026-01-02T03:04:05Z block=\"8.8.8.8\\n1.1.1.1\\n\" empty=\"\" a=binary b=binary\n",
		},
		{
			name: "values that are not strings cost only themselves",
			text: "# one\n---\n" + `apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {egress: static}}
data:
  port: 8080
  good: 8.8.8.8
  map: {a: b}
  on: yes
  null-value:
  ../key: 8.8.8.8
`,
			want: "default/a good=\"8.8.8.8\"\n" +
				"incomplete: a.yaml, document 2 (line 3): ConfigMap default/a: data, key \"../key\": a key can have letters, digits, '-', '_' and '.', and not two dots first\n" +
				"incomplete: a.yaml, document 2 (line 3): ConfigMap default/a: data, key \"map\": the value is a map, not a string\n" +
				"incomplete: a.yaml, document 2 (line 3): ConfigMap default/a: data, key \"null-value\": the value is null, not a string\n" +
				"incomplete: a.yaml, document 2 (line 3): ConfigMap default/a: data, key \"port\": the value is a number, not a string (write it in quotes)\n" +
				"incomplete: a.yaml, document 2 (line 3): ConfigMap default/a: data, key \"true\": the value is a boolean, not a string (write it in quotes)\n",
			mistake: true,
		},
		{
			name: "what a ConfigMap must have",
			text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {egress: static}, namespace: ns}\n---\n" +
				asks("Aa", "8.8.8.8") + "---\n" + asks("[a]", "8.8.8.8") + "---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b/c, labels: {egress: static}}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, creationTimestamp: today, labels: {egress: static}}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1, labels: {egress: static}}\n---\n" +
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {egress: static}}\ndata: 8.8.8.8\n",
			mistake: true,
			want: "incomplete: a.yaml, document 1 (line 1): ConfigMap without a name in namespace ns\n" +
				"incomplete: a.yaml, document 2 (line 5): ConfigMap default/Aa: a name can have lower case letters, digits, '-' and '.', and neither of these first or last\n" +
				"incomplete: a.yaml, document 3 (line 13): ConfigMap: metadata.name cannot be of type array\n" +
				"incomplete: a.yaml, document 4 (line 21): ConfigMap b/c/a: a namespace can have lower case letters, digits and '-', and the latter neither first nor last\n" +
				"incomplete: a.yaml, document 5 (line 25): ConfigMap default/a: parsing time \"today\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"today\" as \"2006\"\n" +
				"incomplete: a.yaml, document 6 (line 29): ConfigMap: metadata.name cannot be of type number\n" +
				"incomplete: a.yaml, document 7 (line 33): ConfigMap default/a: data is a string, not a map\n",
		},
		{
			name:    "a key twice",
			text:    asks("a", "8.8.8.8") + "---\n# one\n# two\n" + asks("b", "8.8.8.8") + "  partner: 1.1.1.1\n---\n" + asks("c", "8.8.8.8"),
			want:    "default/a partner=\"8.8.8.8\"\ndefault/c partner=\"8.8.8.8\"\nincomplete: a.yaml, document 2 (line 9): line 18: key \"partner\" already set in map\n",
			mistake: true,
		},
		{
			name:    "a key twice in json",
			files:   map[string]string{"a.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"egress":"static"}},"data":{"a":"8.8.8.8","a":"1.1.1.1"}}`},
			want:    "incomplete: a.json, document 1 (line 1): duplicate field \"data.a\"\n",
			mistake: true,
		},
		{
			name: "a file that cannot be parsed costs no other file",
			files: map[string]string{
				"a.yaml": asks("a", "8.8.8.8"),
				"b.yaml": asks("b", "8.8.8.8") + "---\na: b: c\n---\n" + asks("c", "8.8.8.8"),
				"c.yaml": asks("d", "8.8.8.8") + "--- what\n" + asks("e", "8.8.8.8"),
				"d.json": `{"apiVersion": "v1"`,
				"e.yaml": "just text",
				"f.yaml": "- a list\n",
				"g.yaml": asks("f", "8.8.8.8"),
				"h.yaml": "apiVersion: v1\nkind: List\nitems: {}\n",
				"i.yaml": "apiVersion: v1\nkind: List\nitem: []\n",
			},
			want: "default/a partner=\"8.8.8.8\"\n" +
				"default/b partner=\"8.8.8.8\"\n" +
				"default/c partner=\"8.8.8.8\"\n" +
				"default/f partner=\"8.8.8.8\"\n" +
				"incomplete: b.yaml, document 2 (line 9): mapping values are not allowed in this context\n" +
				"incomplete: c.yaml, document 1 (line 1): invalid Yaml document separator: what, the rest of the file is not read\n" +
				"incomplete: d.json, document 1 (line 1): line 1: did not find expected ',' or '}'\n" +
				"incomplete: e.yaml, document 1 (line 1): this is not a Kubernetes object: it cannot be of type string\n" +
				"incomplete: f.yaml, document 1 (line 1): this is not a Kubernetes object: it cannot be of type array\n" +
				"incomplete: h.yaml, document 1 (line 1): list: items: it cannot be of type object\n" +
				"incomplete: i.yaml, document 1 (line 1): this list has no field items\n",
			mistake: true,
		},
		{
			name:    "the same ConfigMap twice",
			files:   map[string]string{"a.yaml": asks("a", "8.8.8.8"), "b.yaml": "# b\n---\n" + asks("a", "1.1.1.1")},
			want:    "default/a partner=\"8.8.8.8\"\nincomplete: b.yaml, document 2 (line 3): ConfigMap default/a is written twice, first in a.yaml, document 1 (line 1)\n",
			mistake: true,
		},
		{
			name: "folders, and no other files in them",
			files: map[string]string{
				"README.md": "{", "values.txt": "{", "b/c/d.yml": asks("a", "8.8.8.8"), "a.json": `{"apiVersion":"v1","kind":"List","items":null}`,
				".git/x.yaml": "{", ".#a.yaml->": "nobody@nowhere", "link->": "nowhere", "readme.yaml.txt->": "README.md",
			},
			want: "default/a partner=\"8.8.8.8\"\n",
		},
		{
			name: "a mounted ConfigMap: each file once",
			files: map[string]string{
				"m/..2026_11_23/a.yaml": asks("a", "8.8.8.8"), "m/..2026_11_23/sub/b.yaml": asks("b", "8.8.8.8"),
				"m/..data->": "..2026_11_23", "m/a.yaml->": "..data/a.yaml", "m/sub->": "..data/sub",
			},
			paths: []string{"m"},
			want:  "default/a partner=\"8.8.8.8\"\ndefault/b partner=\"8.8.8.8\"\n",
		},
		{
			name:  "links that lead in circles",
			files: map[string]string{"m/a.yaml": asks("a", "8.8.8.8"), "m/n/up->": "../../m", "m/z.yaml->": "a.yaml", "m/n/self->": "."},
			paths: []string{"m", "m/n", "./m/a.yaml", "m"},
			want:  "default/a partner=\"8.8.8.8\"\n",
		},
		{
			name:    "links that lead nowhere",
			files:   map[string]string{"a.yaml": asks("a", "8.8.8.8"), "b.yaml->": "nowhere", "c.yaml->": "c.yaml"},
			want:    "default/a partner=\"8.8.8.8\"\nincomplete: b.yaml: no such file or directory\nincomplete: c.yaml: too many levels of symbolic links\n",
			mistake: true,
		},
		{
			name:  "a named file may have any ending, and a name that is hidden",
			files: map[string]string{"a.txt": asks("a", "8.8.8.8"), ".b/c": asks("b", "8.8.8.8"), ".d/e.yaml": asks("c", "8.8.8.8")},
			paths: []string{"a.txt", ".b/c", ".d"},
			want:  "default/a partner=\"8.8.8.8\"\ndefault/b partner=\"8.8.8.8\"\ndefault/c partner=\"8.8.8.8\"\n",
		},
		{
			name:    "missing paths",
			files:   map[string]string{"a.yaml": asks("a", "8.8.8.8")},
			paths:   []string{"x.yaml", "a.yaml", "y/z", "a.yaml/b"},
			want:    "default/a partner=\"8.8.8.8\"\nincomplete: x.yaml: no such file or directory\nincomplete: y/z: no such file or directory\nincomplete: a.yaml/b: not a directory\n",
			mistake: true,
		},
		{
			name:  "empty folders may be filled later",
			files: map[string]string{"a/": "", "b/x.txt": "", "c/x.yaml": "# nothing yet\n", "d/x.yaml": asks("a", "8.8.8.8"), "d/y.yaml": " \n", "e.yaml": ""},
			paths: []string{"a", "b", "c", "d", "e.yaml"},
			want: "default/a partner=\"8.8.8.8\"\n" +
				"incomplete: a: no manifest in this folder (*.yaml, *.yml, *.json)\n" +
				"incomplete: b: no manifest in this folder (*.yaml, *.yml, *.json)\n" +
				"incomplete: c: no object in it\n" +
				"incomplete: d/y.yaml: the file is empty\n" +
				"incomplete: e.yaml: no object in it\n",
		},
		{
			name: "a folder of manifests that ask for nothing",
			text: "apiVersion: v1\nkind: Secret\n",
		},
		{
			name:  "standard input",
			files: map[string]string{"a.yaml": asks("a", "8.8.8.8")},
			paths: []string{"-", "a.yaml", "-"},
			stdin: asks("b", "8.8.8.8") + "---\n" + asks("c", "80"),
			want: "default/a partner=\"8.8.8.8\"\ndefault/b partner=\"8.8.8.8\"\ndefault/c\n" +
				"incomplete: standard input, document 2 (line 9): ConfigMap default/c: data, key \"partner\": the value is a number, not a string (write it in quotes)\n",
			mistake: true,
		},
		{
			name:  "nothing on standard input",
			paths: []string{"-"},
			want:  "incomplete: standard input: no object in it\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.files == nil {
				tt.files = map[string]string{"a.yaml": tt.text}
			}
			if tt.paths == nil {
				tt.paths = []string{"."}
			}
			lay(t, tt.files)
			m := &Manifests{Paths: tt.paths, Namespaces: tt.namespaces, Stdin: strings.NewReader(tt.stdin)}
			err := m.Check()
			if tt.mistake != (err != nil) {
				t.Errorf("Check: %v", err)
			}
			for range 2 { // a second look sees the same
				got := draw(m.Read(t.Context()))
				if got != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
			}
		})
	}
}

func TestCheckJoinsAllMistakes(t *testing.T) {
	lay(t, map[string]string{"a.yaml": asks("a", "80"), "b.yaml": "{", "c.yaml": asks("c", "443"), "d.yaml": asks("d", "8.8.8.8")})
	err := (&Manifests{Paths: []string{".", "nowhere"}}).Check()
	var all *multierror.Error
	if !errors.As(err, &all) || all.Len() != 4 {
		t.Fatalf("got %v", err)
	}
	want := `nowhere: no such file or directory
a.yaml, document 1 (line 1): ConfigMap default/a: data, key "partner": the value is a number, not a string (write it in quotes)
b.yaml, document 1 (line 1): line 1: did not find expected node content
c.yaml, document 1 (line 1): ConfigMap default/c: data, key "partner": the value is a number, not a string (write it in quotes)`
	if err.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
}

func TestFilesAreReadAnewEachTime(t *testing.T) {
	lay(t, map[string]string{"a.yaml": asks("a", "8.8.8.8")})
	m := &Manifests{Paths: []string{"."}}
	m.Read(t.Context())
	write(t, "b.yaml", asks("b", "8.8.8.8"))
	if err := os.Remove("a.yaml"); err != nil {
		t.Fatal(err)
	}
	if got, want := draw(m.Read(t.Context())), "default/b partner=\"8.8.8.8\"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// meddler is a standard input that does something when it is read.
type meddler func()

func (f meddler) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestFilesThatChangeWhileTheyAreRead(t *testing.T) {
	lay(t, map[string]string{"a/": "", "b/b.yaml": asks("a", "8.8.8.8")})
	m := &Manifests{Paths: []string{"-", "a", "b"}, Stdin: meddler(func() {
		// Between the listing and the reading the ConfigMap moves.
		write(t, "a/a.yaml", asks("a", "8.8.8.8"))
		write(t, "b/b.yaml", asks("b", "8.8.8.8")+"# and more\n")
	})}
	want := "default/a partner=\"8.8.8.8\"\ndefault/b partner=\"8.8.8.8\"\nincomplete: standard input: no object in it\n"
	if got := draw(m.Read(t.Context())); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	lay(t, map[string]string{"a.yaml": asks("a", "8.8.8.8")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, want := draw((&Manifests{Paths: []string{"a.yaml"}}).Read(ctx)), "incomplete: a.yaml: context canceled\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// A shell's <(...) is a pipe with a name. It gives what it has once; Check must not take it away from Read.
func TestPipeIsReadOnce(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	name := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(name); err != nil {
		t.Skip("no /dev/fd here")
	}
	if _, err := w.WriteString(asks("a", "8.8.8.8")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m := &Manifests{Paths: []string{name, name}}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if got, want := draw(m.Read(t.Context())), "default/a partner=\"8.8.8.8\"\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestStandardInputThatFails(t *testing.T) {
	for _, stdin := range []io.Reader{nil, io.MultiReader(strings.NewReader(asks("a", "8.8.8.8")), failing{})} {
		m := &Manifests{Paths: []string{"-"}, Stdin: stdin}
		if err := m.Check(); err == nil {
			t.Error("no error")
		}
		if r := m.Read(t.Context()); r.Clusters[0].Incomplete == "" {
			t.Error("complete")
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the pipe broke") }

func TestLargeFile(t *testing.T) {
	lay(t, map[string]string{"a.yaml": asks("a", "8.8.8.8"), "b.yaml": strings.Repeat("#", maxManifestSize) + "\n"})
	want := "default/a partner=\"8.8.8.8\"\nincomplete: b.yaml: it is larger than 16 MiB\n"
	if got := draw((&Manifests{Paths: []string{"."}}).Read(t.Context())); got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestUnknownFieldIsSaidOnce(t *testing.T) {
	lay(t, map[string]string{"a.yaml": asks("a", "8.8.8.8") + "dta: {}\nData: {}\n"})
	var log bytes.Buffer
	m := &Manifests{Paths: []string{"."}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		if got, want := draw(m.Read(t.Context())), "default/a partner=\"8.8.8.8\"\n"; got != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
	if n := strings.Count(log.String(), "dta"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
	if n := strings.Count(log.String(), "Data"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// What is wrong comes out as mistakes, whatever the file holds, and equal files give equal results.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		asks("a", "8.8.8.8"), "---\r\n" + asks("a", "80"), "\ufeff{}", "a: &a [*a]", "a: &a {<<: *a}", "{", "null", "---\n---\n", "...\n...\n",
		`{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","labels":{"egress":"static"}},"data":{"a":null},"binaryData":{"a":1}}]}`,
		"apiVersion: v1\nkind: ConfigMapList\nitems: [null, 1, {metadata: {labels: {egress: static}}}]\n",
		"? {a: b}\n: c\n", "--- x\n", "a: !!binary AAAA\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		one, two := decoder{}, decoder{}
		one.decode("a", content)
		two.decode("a", content)
		if a, b := fmt.Sprint(one), fmt.Sprint(two); a != b && len(one.mistakes) == 0 {
			t.Errorf("%s\n%s", a, b)
		}
		for _, m := range one.found {
			if m.Name == "" || m.Namespace == "" {
				t.Errorf("without a name: %v", m)
			}
		}
	})
}

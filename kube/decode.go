package kube

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	goyaml "go.yaml.in/yaml/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// The label that makes a ConfigMap ask for a static egress address.
const (
	labelKey   = "egress"
	labelValue = "static"
)

// place says where in the manifests something stands, so that a message leads there.
type place struct {
	file           string
	document, line int // counted from 1; a document of YAML, or one value in a stream of JSON
	items          []int
}

func (p place) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, document %d (line %d)", p.file, p.document, p.line)
	for _, i := range p.items {
		fmt.Fprintf(&b, ", item %d", i+1)
	}
	return b.String()
}

func (p place) item(i int) place {
	p.items = append(slices.Clip(p.items), i)
	return p
}

// manifest is a ConfigMap that asks for targets, and where it is written.
type manifest struct {
	place
	reconcile.ConfigMap
}

// decoder collects what the files say. A mistake costs only the value, the object or the document that it is in.
type decoder struct {
	namespaces []string // passed over are ConfigMaps of others; empty means that all may ask
	found      []manifest
	objects    int // of any kind: none at all looks like a folder that is not mounted yet
	mistakes   []error
	remarks    []string // what is not wrong, but hardly meant
}

func (d *decoder) mistake(at fmt.Stringer, format string, args ...any) {
	d.mistakes = append(d.mistakes, fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...)))
}

// decode reads all documents of one file.
func (d *decoder) decode(file string, content []byte) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	at := place{file: file, document: 0, line: 1}
	if !utf8.Valid(content) {
		// The parser would take UTF-16, the splitter would not: all but the first document would be lost without a word.
		d.mistakes = append(d.mistakes, fmt.Errorf("%s: this is not UTF-8", file))
		return
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		at.document++
		if err != nil {
			// Where the next document begins is not known any more.
			d.mistake(at, "%w, the rest of the file is not read", err)
			return
		}
		next := at
		next.line += bytes.Count(document, []byte("\n")) + 1 // the reader drops the line that separates two documents
		if values, ok := jsonValues(document); ok {
			for i, value := range values {
				if i > 0 {
					at.document++
				}
				d.json(at, value)
			}
			next.document = at.document
		} else {
			d.yaml(at, document)
		}
		at = next
	}
}

// jsonValues takes JSON apart, of which one document can hold several values. JSON is read as what it is: YAML 1.1
// knows no surrogate pairs.
func jsonValues(document []byte) (values []json.RawMessage, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	for {
		var value json.RawMessage
		if err := decoder.Decode(&value); errors.Is(err, io.EOF) {
			return values, len(values) > 0
		} else if err != nil {
			return nil, false
		}
		values = append(values, value)
	}
}

func (d *decoder) json(at place, value []byte) {
	var ignored any
	strict, err := kjson.UnmarshalStrict(value, &ignored)
	if err = errors.Join(append(strict, err)...); err != nil && d.ours(value) {
		d.mistake(at, "%s", oneLine(err.Error()))
		return
	}
	d.object(at, value, metav1.TypeMeta{})
}

func (d *decoder) yaml(at place, document []byte) {
	value, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		// Another kind may be as careless as it likes.
		if lenient, err := yaml.YAMLToJSON(document); err == nil && !d.ours(lenient) && single(document) == nil {
			d.object(at, lenient, metav1.TypeMeta{})
			return
		}
	} else {
		err = single(document)
	}
	if err != nil {
		d.mistake(at, "%s", oneLine(fileLines(err.Error(), at.line)))
		return
	}
	d.object(at, value, metav1.TypeMeta{})
}

// single guards against documents that the splitter does not see, such as those after the end mark "..." or between
// line breaks that only YAML knows: the parser would read the first one and drop the others without a word.
func single(document []byte) error {
	decoder := goyaml.NewDecoder(bytes.NewReader(document))
	for documents := 0; ; documents++ {
		var ignored struct{}
		err := decoder.Decode(&ignored)
		var wrongType *goyaml.TypeError // of no interest here
		switch {
		case errors.Is(err, io.EOF) && documents > 1:
			return errors.New(`another document begins without a line "---"`)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.As(err, &wrongType):
			return err
		}
	}
}

// ours says whether an object is of a kind that we read. What we cannot tell is ours.
func (d *decoder) ours(object []byte) bool {
	var kind metav1.TypeMeta
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &kind); err != nil {
		return true
	}
	return kind.Kind == "" || kind.APIVersion == "" || kind.APIVersion == "v1" &&
		(kind.Kind == "ConfigMap" || kind.Kind == "ConfigMapList" || kind.Kind == "List")
}

// object takes one object, which in a list of ConfigMaps need not say its kind again.
func (d *decoder) object(at place, object []byte, kind metav1.TypeMeta) {
	if string(bytes.TrimSpace(object)) == "null" {
		return // comments only
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &kind); err != nil {
		d.mistake(at, "this is not a Kubernetes object: %w", typeError(err))
		return
	}
	switch {
	case kind.Kind == "" || kind.APIVersion == "":
		// It may be one of ours that lost a line.
		d.mistake(at, "this is not a Kubernetes object: it has no kind or no apiVersion")
		return
	case kind.APIVersion == "v1" && kind.Kind == "ConfigMap":
		d.configMap(at, object)
	case kind.APIVersion == "v1" && kind.Kind == "List":
		d.list(at, object, metav1.TypeMeta{})
	case kind.APIVersion == "v1" && kind.Kind == "ConfigMapList":
		d.list(at, object, metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"})
	}
	d.objects++
}

func (d *decoder) list(at place, object []byte, kind metav1.TypeMeta) {
	var fields map[string]json.RawMessage
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &fields); err != nil {
		d.mistake(at, "list: %w", typeError(err))
		return
	}
	if _, ok := fields["items"]; !ok {
		// Nothing is claimed with "items: []". Without the field it is more likely that somebody misspelt it.
		d.mistake(at, "this list has no field items")
		return
	}
	var items []json.RawMessage
	if err := kjson.UnmarshalCaseSensitivePreserveInts(fields["items"], &items); err != nil {
		d.mistake(at, "list: items: %w", typeError(err))
		return
	}
	for i, item := range items {
		if string(item) == "null" {
			d.mistake(at.item(i), "this is not a Kubernetes object: it is empty")
			continue
		}
		d.object(at.item(i), item, kind)
	}
}

// configMap takes a ConfigMap if it is one that may ask. Its data is looked at value by value before it is decoded: the
// decoder's own message would name neither the key nor more than the first mistake.
func (d *decoder) configMap(at place, object []byte) {
	var fields struct {
		Metadata struct {
			Name      string                     `json:"name"`
			Namespace string                     `json:"namespace"`
			Labels    map[string]json.RawMessage `json:"labels"`
		} `json:"metadata"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &fields); err != nil {
		d.mistake(at, "ConfigMap: %w", typeError(err))
		return
	}
	meta := fields.Metadata
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
	if string(meta.Labels[labelKey]) != strconv.Quote(labelValue) {
		return
	}
	if len(d.namespaces) > 0 && !slices.Contains(d.namespaces, meta.Namespace) {
		return
	}
	if meta.Name == "" {
		d.mistake(at, "ConfigMap without a name in namespace %s", meta.Namespace)
		return
	}
	wrong := func(format string, args ...any) {
		d.mistake(at, "ConfigMap %s/%s: %w", meta.Namespace, meta.Name, fmt.Errorf(format, args...))
	}
	// What an API server would refuse is refused here too, so that a name means the same in both places.
	if len(validation.IsDNS1123Subdomain(meta.Name)) > 0 {
		wrong("a name can have lower case letters, digits, '-' and '.', and neither of these first or last")
		return
	}
	if len(validation.IsDNS1123Label(meta.Namespace)) > 0 {
		wrong("a namespace can have lower case letters, digits and '-', and the latter neither first nor last")
		return
	}

	var raw map[string]json.RawMessage
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &raw); err != nil {
		wrong("%w", err)
		return
	}
	var data, binary map[string]json.RawMessage
	for field, values := range map[string]*map[string]json.RawMessage{"data": &data, "binaryData": &binary} {
		if raw[field] == nil {
			continue
		}
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw[field], values); err != nil {
			wrong("%s is %s, not a map", field, jsonKind(raw[field]))
			return
		}
		delete(raw, field)
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		value := data[key]
		if len(validation.IsConfigMapKey(key)) > 0 {
			wrong("data, key %q: a key can have letters, digits, '-', '_' and '.', and not two dots first", key)
			delete(data, key)
		} else if kind := jsonKind(value); kind != "a string" {
			hint := ""
			if kind == "a number" || kind == "a boolean" {
				hint = " (write it in quotes)"
			}
			wrong("data, key %q: the value is %s, not a string%s", key, kind, hint)
			delete(data, key)
		}
	}
	if len(data) > 0 {
		raw["data"] = must(json.Marshal(data))
	}
	var typed corev1.ConfigMap
	unknown, err := kjson.UnmarshalStrict(must(json.Marshal(raw)), &typed)
	if err != nil {
		wrong("%w", typeError(err))
		return
	}
	for _, field := range unknown {
		// A misspelt "data" would look like a ConfigMap that asks for nothing any more.
		d.remarks = append(d.remarks, fmt.Sprintf("%s: ConfigMap %s/%s: %s", at, meta.Namespace, meta.Name, field))
	}
	d.found = append(d.found, manifest{place: at, ConfigMap: reconcile.ConfigMap{
		Namespace:  meta.Namespace,
		Name:       meta.Name,
		Created:    typed.CreationTimestamp.Time,
		Data:       typed.Data,
		BinaryKeys: slices.Sorted(maps.Keys(binary)),
	}})
}

// must is for what cannot fail: writing JSON that was just read.
func must(value []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return value
}

func jsonKind(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "a map"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

var goTypes = regexp.MustCompile(`^json: cannot unmarshal (\w+) into Go (?:value of type \S+|struct field \w*\.(\S+) of type \S+)$`)

// typeError says what is wrong without the names of our own types.
func typeError(err error) error {
	if match := goTypes.FindStringSubmatch(err.Error()); match != nil {
		return fmt.Errorf("%s cannot be of type %s", cmp.Or(match[2], "it"), match[1])
	}
	return err
}

var lineNumber = regexp.MustCompile(`(?m)^(yaml: | +)line (\d+):`)

// fileLines turns the parser's lines, which count from the beginning of the document, into lines of the file.
func fileLines(message string, first int) string {
	message = lineNumber.ReplaceAllStringFunc(message, func(match string) string {
		parts := lineNumber.FindStringSubmatch(match)
		line, err := strconv.Atoi(parts[2])
		if err != nil {
			return match
		}
		return fmt.Sprintf("%sline %d:", parts[1], first+line-1)
	})
	return strings.TrimPrefix(strings.TrimPrefix(message, "yaml: "), "unmarshal errors:\n")
}

func oneLine(message string) string {
	lines := strings.Split(message, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, ", ")
}

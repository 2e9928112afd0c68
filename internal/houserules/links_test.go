package houserules

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	indented = regexp.MustCompile(`(?m)^(?: {4}|\t).*$`)
	coded    = regexp.MustCompile("`[^`\n]*`")
	linked   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	outside  = regexp.MustCompile(`^[a-z][a-z+.-]*:`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	titled   = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	unslug   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// page is what a text in Markdown offers to links, and where its own lead to.
type page struct {
	anchors map[string]bool
	links   []string
}

// readPage leaves out what is code: a link in there is an example, and a heading is a comment of a shell's.
func readPage(text string) page {
	text = indented.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
	p := page{anchors: map[string]bool{}}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		p.anchors[p.slug(m[1])] = true
	}
	for _, m := range linked.FindAllStringSubmatch(coded.ReplaceAllString(text, ""), -1) {
		p.links = append(p.links, m[1])
	}
	return p
}

// slug makes the anchor of a heading as GitHub does: the text in lower case, without punctuation, with hyphens for blanks. One
// that is there already gets a number.
func (p page) slug(title string) string {
	title = strings.ToLower(titled.ReplaceAllString(title, "$1"))
	s := strings.ReplaceAll(unslug.ReplaceAllString(title, ""), " ", "-")
	anchor := s
	for n := 1; p.anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", s, n)
	}
	return anchor
}

// brokenLinks gives what is wrong with the links of all pages, sorted: files are all that a link can lead to.
func brokenLinks(pages map[string]page, files []string) []string {
	there := map[string]bool{".": true}
	for _, file := range files {
		for dir := file; dir != "."; dir = path.Dir(dir) {
			there[dir] = true
		}
	}
	var wrong []string
	reached := map[string]bool{}
	for name, p := range pages {
		for _, link := range p.links {
			if outside.MatchString(link) {
				continue
			}
			file, anchor, _ := strings.Cut(link, "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			reached[to] = reached[to] || to != name
			switch target, isPage := pages[to]; {
			case !there[to]:
				wrong = append(wrong, fmt.Sprintf("%s links to %s, which is not there", name, link))
			case anchor != "" && isPage && !target.anchors[anchor]:
				wrong = append(wrong, fmt.Sprintf("%s links to %s, and %s has no such heading", name, link, to))
			}
		}
	}
	for name := range pages {
		if strings.HasPrefix(name, "docs/") && !reached[name] {
			wrong = append(wrong, name+" is linked from nowhere")
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// A page that nobody finds is not written, and a link that leads nowhere is met by somebody in trouble.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	files := tracked(t)
	pages := map[string]page{}
	for _, file := range files {
		if path.Ext(file) == ".md" && (path.Dir(file) == "." || path.Dir(file) == "docs") {
			pages[file] = readPage(string(read(t, file)))
		}
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/runbooks.md"} {
		if len(pages[name].links) == 0 {
			t.Errorf("no link was found in %s: is the search for them broken?", name)
		}
	}
	for _, why := range brokenLinks(pages, files) {
		t.Error(why)
	}
}

func TestBrokenLinksAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	pages := map[string]page{
		"README.md": readPage("[a](docs/a.md) [b](docs/b.md#x) [c](docs/gone.md) [d](deploy/example) [e](deploy/gone) [f](https://example.org/x)\n"),
		"docs/a.md": readPage("# `make x`, and [y](../README.md)\n## Twice\n## Twice\n[a](#make-x-and-y) [b](#twice-1) [c](#twice-2) `[d](gone)`\n" +
			"```\n# no heading\n[e](gone)\n```\n\n    [f](gone)\n"),
		"docs/b.md": readPage("# B\n[itself](#b) [too](b.md) [code](../cmd/main.go#L7)\n"),
		"docs/c.md": readPage("# C\n[a](a.md#no-heading)\n"),
	}
	files := append(slices.Sorted(maps.Keys(pages)), "deploy/example/settings.env", "cmd/main.go")
	want := []string{
		"README.md links to deploy/gone, which is not there",
		"README.md links to docs/b.md#x, and docs/b.md has no such heading",
		"README.md links to docs/gone.md, which is not there",
		"docs/a.md links to #twice-2, and docs/a.md has no such heading",
		"docs/c.md is linked from nowhere",
		"docs/c.md links to a.md#no-heading, and docs/a.md has no such heading",
	}
	if got := brokenLinks(pages, files); !slices.Equal(got, want) {
		t.Errorf("wrong is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

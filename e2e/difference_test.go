//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// difference shows two texts as one, line by line: "-" is only in want, "+" only in have. What both have is left out, but
// for the line that begins each block, without which nobody knows what a line is about.
func difference(want, have string) string {
	a, b := strings.Split(want, "\n"), strings.Split(have, "\n")
	// common[i][j] is how many lines a[i:] and b[j:] have in common, in order.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out strings.Builder
	block := ""
	show := func(sign, line string) {
		if block != "" && strings.HasPrefix(line, " ") {
			out.WriteString("  " + block + "\n")
		}
		block = ""
		out.WriteString(sign + " " + line + "\n")
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			if !strings.HasPrefix(a[i], " ") {
				block = a[i]
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			show("-", a[i])
			i++
		default:
			show("+", b[j])
			j++
		}
	}
	return out.String()
}

func TestDifference(t *testing.T) {
	want := "gateway a: up\n  one\n  two\ngateway b: up\n  one\ngateway c: up"
	have := "gateway a: up\n  one\n  three\ngateway b: up\n  one\ngateway c: down"
	if got, want := difference(want, have), "  gateway a: up\n-   two\n+   three\n- gateway c: up\n+ gateway c: down\n"; got != want {
		t.Errorf("have\n%s\nwant\n%s", got, want)
	}
	if got := difference(want, want); got != "" {
		t.Errorf("equal texts differ:\n%s", got)
	}
}

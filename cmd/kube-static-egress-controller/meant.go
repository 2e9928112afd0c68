package main

import (
	"fmt"
	"strings"
)

// maybe is the end of a message about a flag that does not exist: the one that was probably meant.
func maybe(name string, options []*option) string {
	var names []string
	for _, o := range options {
		names = append(names, o.Names()...)
	}
	if n := nearest(name, names); n != "" {
		return fmt.Sprintf("; did you mean %s?", dashed(n))
	}
	if c := nearest(name, commandNames()); c != "" {
		return fmt.Sprintf("; did you mean the command %s?", c)
	}
	for _, c := range commandNames() {
		if find(optionsOf(c), name) != nil {
			return fmt.Sprintf("; it is one of %s", c)
		}
	}
	return ""
}

// nearest is the name that the word is the beginning of, else the one that differs least from it, if it differs by a typo
// and not by its meaning. The first of equals wins, so the answer is always the same.
func nearest(word string, names []string) string {
	for _, n := range names {
		if len(word) > 2 && strings.HasPrefix(n, word) {
			return n
		}
	}
	best, at := "", max(1, min(3, len(word)/3))+1
	for _, n := range names {
		if d := distance(word, n); d < at {
			best, at = n, d
		}
	}
	return best
}

// distance counts the letters that were added, left out, changed or swapped with their neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

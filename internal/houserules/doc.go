// Package houserules holds the tests that keep the house in order where a linter cannot: what a package reaches through
// others, how files are called, which rules are cited, and what must not stand in any file. It has no code of its own.
package houserules

package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		cut   cut
		value string
		want  []string
	}{
		{single, " a,b\n", []string{"a,b"}},
		{single, "", nil},
		{single, " \n", nil},
		{optText, "", []string{""}},
		{listed, "a,b\nc", []string{"a", "b", "c"}},
		{listed, "\n a ,, b\r\n,", []string{"a", "b"}},
		{listed, ", \n", nil},
		{tagged, "a=1,2\nb=3\n", []string{"a=1,2", "b=3"}},
		{tagged, "\r\n", nil},
	} {
		var got []string
		for _, w := range (&option{cut: c.cut}).split(c.value, "") {
			got = append(got, w.text)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%d %q: %q, not %q", c.cut, c.value, got, c.want)
		}
	}
}

// wordsOf is what was given for a flag, each with where it came from.
func wordsOf(g given, name string) string {
	var ws []string
	for _, w := range g[name] {
		ws = append(ws, w.from+"="+w.text)
	}
	return strings.Join(ws, " ")
}

func TestGiven(t *testing.T) {
	const az, tags, additional = envPrefix + "AWS_AZ", envPrefix + "AWS_TAG", envPrefix + "ADDITIONAL_STACK_TAGS"
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		flag string
		want string
	}{
		{"repeated and cut", []string{"--aws-az=a,b", "--aws-az", "c\nd"}, nil, "aws-az", "--aws-az=a --aws-az=b --aws-az=c --aws-az=d"},
		{"a flag beats its variable", []string{"--aws-az=a"}, map[string]string{az: "b"}, "aws-az", "--aws-az=a"},
		{"an empty flag does not", []string{"--aws-az="}, map[string]string{az: "b"}, "aws-az", "$" + az + "=b"},
		{"an empty variable is none", nil, map[string]string{az: " \n"}, "aws-az", ""},
		{"one dash", []string{"-aws-az", "a"}, nil, "aws-az", "--aws-az=a"},
		{"an alias", []string{"--additional-stack-tags=a=1,2"}, nil, "aws-tag", "--additional-stack-tags=a=1,2"},
		{"an alias's variable", nil, map[string]string{additional: "a=1", tags: "b=2"}, "aws-tag", "$" + tags + "=b=2 $" + additional + "=a=1"},
		{"true without a value", []string{"--once"}, nil, "once", "--once=true"},
		{"false", []string{"--once=false"}, nil, "once", "--once=false"},
		{"a dash is a value", []string{"--configmaps", "-"}, nil, "configmaps", "--configmaps=-"},
		{"no address", []string{"--address="}, map[string]string{envPrefix + "ADDRESS": ":1"}, "address", "--address="},
		{"an empty variable is not no address", nil, map[string]string{envPrefix + "ADDRESS": ""}, "address", ""},
		{"a value with =", []string{"--aws-eip-allocation-id=a=eipalloc-1"}, nil, "aws-eip-allocation-id", "--aws-eip-allocation-id=a=eipalloc-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := parse(c.args, runOptions())
			if len(line.mistakes) > 0 || len(line.strays) > 0 {
				t.Fatal(line.mistakes, line.strays)
			}
			line.given.addEnv(runOptions(), func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
			if got := wordsOf(line.given, c.flag); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestOptionsAreDistinct(t *testing.T) {
	for _, c := range commands() {
		seen := map[string]bool{}
		for _, o := range c.options() {
			for _, n := range append(o.Names(), o.GetEnvVars()...) {
				if seen[n] {
					t.Errorf("%s: two flags are called %s", c.name, n)
				}
				seen[n] = true
			}
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"run", "plan", "version", "aws-az", "aws-nat-cidr-block"}
	for word, want := range map[string]string{
		"plna": "plan", "rnu": "run", "vers": "version", "aws-nat-cidr-blocks": "aws-nat-cidr-block", "aws-nat-cidr": "aws-nat-cidr-block",
		"awsaz": "aws-az", "": "", "teardown": "", "xy": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: %q, not %q", word, got, want)
		}
	}
}

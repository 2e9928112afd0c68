package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// iamPolicy is a policy as IAM reads it: what is not allowed is denied.
type iamPolicy struct {
	Version   string
	Statement []iamStatement
}

type iamStatement struct {
	Sid, Effect      string
	Action, Resource iamTexts
	Condition        map[string]map[string]iamTexts
}

// iamTexts is one text, or a list of them.
type iamTexts []string

func (t *iamTexts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = iamTexts{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(b, &list)
	*t = list
	return err
}

// readPolicy is strict: what it does not know, IAM may not know either.
func readPolicy(t *testing.T, text string) iamPolicy {
	t.Helper()
	var p iamPolicy
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

// iamAsk is one question to IAM: may this be done to this resource? The context holds the values of condition keys, by
// their names in small letters: IAM does not tell the cases of them apart.
type iamAsk struct {
	action, resource string
	context          map[string][]string
}

func (a iamAsk) String() string {
	return fmt.Sprintf("%s on %s with %v", a.action, a.resource, a.context)
}

func (p iamPolicy) allows(a iamAsk) bool {
	return slices.ContainsFunc(p.Statement, func(s iamStatement) bool { return s.allows(a) })
}

// allowsAll is what AWS asks of a call: each of its questions is answered with yes.
func (p iamPolicy) allowsAll(asks []iamAsk) bool {
	return !slices.ContainsFunc(asks, func(a iamAsk) bool { return !p.allows(a) })
}

func (s iamStatement) allows(a iamAsk) bool {
	if s.Effect != "Allow" || !anyLike(s.Action, a.action) || !anyLike(s.Resource, a.resource) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, want := range keys {
			if !holds(operator, want, a.context[strings.ToLower(key)]) {
				return false
			}
		}
	}
	return true
}

// holds says whether a condition on one key holds for the values that the key has, none if it is not there (IAM user guide,
// "IAM JSON policy elements: Condition operators").
func holds(operator string, want, has []string) bool {
	if operator == "Null" {
		return fmt.Sprint(len(has) == 0) == want[0]
	}
	operator, all := strings.CutPrefix(operator, "ForAllValues:")
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	if len(has) == 0 {
		return all || ifExists || operator == "StringNotEquals"
	}
	fits := func(value string) bool {
		switch operator {
		case "StringEquals":
			return slices.Contains(unescaped(want), value)
		case "StringNotEquals":
			return !slices.Contains(unescaped(want), value)
		case "StringLike", "ArnEquals", "ArnLike":
			return anyLike(want, value)
		}
		panic("there is no operator " + operator)
	}
	if all {
		return !slices.ContainsFunc(has, func(v string) bool { return !fits(v) })
	}
	return slices.ContainsFunc(has, fits)
}

// anyLike reports whether one of the patterns fits: * stands for any text, ? for one character, ${*}, ${?} and ${$} for
// themselves.
func anyLike(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return iamPattern(p).MatchString(text) })
}

// iamPatterns are those that were asked for already: there are few, and they are asked for very often.
var iamPatterns sync.Map

var iamWildcards = strings.NewReplacer(
	regexp.QuoteMeta("${*}"), `\*`, regexp.QuoteMeta("${?}"), `\?`, regexp.QuoteMeta("${$}"), `\$`, `\*`, ".*", `\?`, ".",
)

func iamPattern(p string) *regexp.Regexp {
	if known, ok := iamPatterns.Load(p); ok {
		return known.(*regexp.Regexp)
	}
	made := regexp.MustCompile("^" + iamWildcards.Replace(regexp.QuoteMeta(p)) + "$")
	iamPatterns.Store(p, made)
	return made
}

func unescaped(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$").Replace(v))
	}
	return out
}

// TestIAM is about the IAM of these tests: each answer is one that the IAM user guide gives.
func TestIAM(t *testing.T) {
	for _, c := range []struct {
		operator  string
		want, has []string
		holds     bool
	}{
		{"StringEquals", []string{"a", "b"}, []string{"b"}, true},
		{"StringEquals", []string{"a*"}, []string{"ab"}, false},
		{"StringEquals", []string{"a"}, nil, false},
		{"StringEquals", []string{"${$}{x}"}, []string{"${x}"}, true},
		{"StringEqualsIfExists", []string{"a"}, nil, true},
		{"StringEqualsIfExists", []string{"a"}, []string{"b"}, false},
		{"StringNotEquals", []string{"a"}, []string{"b"}, true},
		{"StringNotEquals", []string{"a"}, []string{"a"}, false},
		{"StringNotEquals", []string{"a"}, nil, true},
		{"StringLike", []string{"a*c?"}, []string{"abbcd"}, true},
		{"StringLike", []string{"a${*}c"}, []string{"abc"}, false},
		{"StringLike", []string{"a${*}c"}, []string{"a*c"}, true},
		{"StringLike", []string{"a.c"}, []string{"abc"}, false},
		{"ArnEquals", []string{"arn:*:ec2:*:*:vpc/vpc-1"}, []string{"arn:aws:ec2:eu-central-1:1:vpc/vpc-1"}, true},
		{"ArnEquals", []string{"arn:*:ec2:*:*:vpc/vpc-1"}, []string{"arn:aws:ec2:eu-central-1:1:vpc/vpc-12"}, false},
		{"Null", []string{"false"}, []string{""}, true},
		{"Null", []string{"false"}, nil, false},
		{"Null", []string{"true"}, nil, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"b", "a"}, true},
		{"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "c"}, false},
		{"ForAllValues:StringEquals", []string{"a"}, nil, true},
		{"ForAllValues:StringNotEquals", []string{"a"}, []string{"b", "a"}, false},
		{"ForAllValues:StringLike", []string{"a/*"}, []string{"a/b", "a/c"}, true},
	} {
		if got := holds(c.operator, c.want, c.has); got != c.holds {
			t.Errorf("%s %q, of %q: %t", c.operator, c.want, c.has, got)
		}
	}
	if s := (iamStatement{Effect: "Allow", Action: iamTexts{"ec2:Describe*"}, Resource: iamTexts{"*"}}); !s.allows(iamAsk{action: "ec2:DescribeVpcs", resource: "*"}) ||
		s.allows(iamAsk{action: "ec2:DeleteSubnet", resource: "*"}) {
		t.Error("an action is not told from another")
	}
}

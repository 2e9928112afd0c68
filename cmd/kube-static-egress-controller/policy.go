package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
)

// maxPolicy is how many characters a managed policy may have, white space aside (IAM user guide, "IAM and AWS STS quotas").
const maxPolicy = 6144

// policyDocument and what is in it are named as IAM names them.
type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid       string
	Effect    string
	Action    oneOrMore
	Resource  oneOrMore
	Condition map[string]map[string]oneOrMore `json:",omitempty"`
}

// oneOrMore is a list that IAM lets be written as its only element: every character counts.
type oneOrMore []string

// MarshalJSON writes it so.
func (l oneOrMore) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return marshal(l[0])
	}
	return marshal([]string(l))
}

// marshal leaves &, < and > as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// printPolicy prints what IAM must allow.
func printPolicy(_ context.Context, s setup, p process) int {
	if s.provider == "inmemory" {
		p.complain(fmt.Sprintf("--provider %q: it calls nobody, so it needs no policy; aws-ec2 and aws-cfn do", s.provider))
		return failed
	}
	text, err := policy(s)
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	return p.print(text)
}

// policy is the IAM policy that a setup needs, as JSON with an end of line. The error says all that IAM would not take.
func policy(s setup) (string, error) {
	document := policyDocument{Version: "2012-10-17"}
	for _, statement := range statements(s) {
		document.Statement = append(document.Statement, written(statement))
	}
	compact, err := marshal(document)
	if err != nil {
		return "", err
	}
	// IAM user guide, "IAM and AWS STS quotas": those of U+0020 to U+00FF are all that a policy may have.
	var errs []error
	if i := bytes.IndexFunc(compact, func(r rune) bool { return r > 0xff }); i >= 0 {
		r, _ := utf8.DecodeRune(compact[i:])
		errs = append(errs, fmt.Errorf("IAM takes no %q in a policy, so none can be in an id, nor in a tag that the policy has to name", r))
	}
	// IAM does not count white space. Here that inside of names is counted.
	if n := utf8.RuneCount(bytes.TrimSpace(compact)); n > maxPolicy {
		errs = append(errs, fmt.Errorf("the policy would have %d characters, and IAM takes %d: give shorter names, and fewer --aws-tag", n, maxPolicy))
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	var text bytes.Buffer
	err = json.Indent(&text, compact, "", "  ")
	return text.String(), err
}

func written(s awsec2.Statement) policyStatement {
	out := policyStatement{Sid: s.Sid, Effect: "Allow", Action: s.Actions, Resource: s.Resources}
	for operator, keys := range s.Conditions {
		for key, values := range keys {
			if out.Condition == nil {
				out.Condition = map[string]map[string]oneOrMore{}
			}
			if out.Condition[operator] == nil {
				out.Condition[operator] = map[string]oneOrMore{}
			}
			out.Condition[operator][key] = values
		}
	}
	return out
}

// statements are those of the provider. With a stack, those about EC2 come first: what the stack cannot mend is done with
// them, and CloudFormation calls EC2 with the same rights.
func statements(s setup) []awsec2.Statement {
	all := awsec2.Statements(s.ec2(), awsec2.Rights{Release: s.release, Brought: s.brought, TakeOver: s.takeOver})
	if s.stack() == "" {
		return all
	}
	for _, statement := range awscfn.Statements(s.cfn(), s.bucket) {
		all = append(all, awsec2.Statement(statement))
	}
	return all
}

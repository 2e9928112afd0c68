//go:build e2e

package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// onTheWire are the calls that came through the proxies of all tests, as actions of IAM's.
var onTheWire actionsSeen

type actionsSeen struct {
	mu   sync.Mutex
	seen map[string]bool
}

// services are the prefixes of IAM's actions by the version of the API, which stands in every call of the query protocol.
var services = map[string]string{"2016-11-15": "ec2", "2010-05-15": "cloudformation"}

func (a *actionsSeen) note(call url.Values) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	a.seen[services[call.Get("Version")]+":"+call.Get("Action")] = true
}

// neverOnTheWire says why the tests do not see some actions of the policies.
var neverOnTheWire = map[string]string{
	"cloudformation:ContinueUpdateRollback": "LocalStack has no roll-back that fails",
	"cloudformation:RollbackStack":          "LocalStack has no update that fails and stays so",
	"cloudformation:TagResource":            "it is a right and no call",
	"cloudformation:UntagResource":          "it is a right and no call",
	"ec2:DeleteTags":                        "CloudFormation calls it",
	"ec2:DescribeNetworkAcls":               "CloudFormation calls it",
	"ec2:ModifySubnetAttribute":             "CloudFormation calls it",
	"ec2:ReleaseAddress":                    "addresses are released only where somebody asks for it",
	"s3:GetObject":                          "CloudFormation calls it",
	"s3:PutObject":                          "LocalStack knows its own buckets by its own address, so no proxy stands between",
}

// check compares what was seen with the policies that the program prints. What was called and is not allowed is an error;
// what is allowed and was not called is told, if all tests ran.
func (a *actionsSeen) check(whole bool, tell io.Writer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []string
	for _, p := range []struct {
		provider string
		flags    []string
		calls    string // the prefix of the calls that are this provider's for sure
	}{
		{"aws-ec2", nil, "ec2:"}, // those of the other one to EC2 are the same
		{"aws-cfn", []string{"--cf-template-bucket=templates"}, ""},
	} {
		allowed, err := printedActions(append([]string{"--provider=" + p.provider, "--cluster-id=e2e", "--eip-reclaim-policy=Delete"}, p.flags...)...)
		if err != nil {
			return err
		}
		for action := range a.seen {
			if strings.HasPrefix(action, p.calls) && !slices.Contains(allowed, action) {
				errs = append(errs, fmt.Sprintf("%s was called, and the policy of %s does not allow it", action, p.provider))
			}
		}
		for _, action := range allowed {
			if whole && !a.seen[action] && p.calls == "" {
				why := neverOnTheWire[action]
				if why == "" {
					why = "nobody has said why"
				}
				_, _ = fmt.Fprintf(tell, "e2e: %s is allowed by the policy and was never seen: %s\n", action, why)
			}
		}
	}
	if slices.Sort(errs); len(errs) > 0 {
		return fmt.Errorf("the policies and the calls:\n  %s", strings.Join(errs, "\n  "))
	}
	return nil
}

// printedActions are the actions of the policy that the program prints.
func printedActions(flags ...string) ([]string, error) {
	out, err := exec.Command(program, append([]string{"policy"}, flags...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", strings.Join(flags, " "), err)
	}
	var policy struct {
		Statement []struct{ Action any } // a text, or a list of them
	}
	if err := json.Unmarshal(out, &policy); err != nil {
		return nil, err
	}
	var actions []string
	for _, s := range policy.Statement {
		switch a := s.Action.(type) {
		case string:
			actions = append(actions, a)
		case []any:
			for _, one := range a {
				actions = append(actions, fmt.Sprint(one))
			}
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions), nil
}

// wholeSuite reports whether nobody has chosen among the tests.
func wholeSuite() bool {
	chosen := false
	flag.Visit(func(f *flag.Flag) {
		chosen = chosen || slices.Contains([]string{"test.run", "test.skip", "test.list", "test.short"}, f.Name)
	})
	return !chosen
}

// TestActionsSeen: a call that no policy allows is found, whoever makes it.
func TestActionsSeen(t *testing.T) {
	t.Parallel()
	var a actionsSeen
	for _, call := range []string{"Action=DescribeVpcs&Version=2016-11-15", "Action=DescribeStacks&Version=2010-05-15"} {
		values, err := url.ParseQuery(call)
		if err != nil {
			t.Fatal(err)
		}
		a.note(values)
	}
	if err := a.check(false, io.Discard); err != nil {
		t.Error(err)
	}
	a.note(url.Values{"Action": {"DeleteVpc"}, "Version": {"2016-11-15"}})
	a.note(url.Values{"Action": {"UpdateStack"}, "Version": {"2010-05-15"}})
	a.note(url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}})
	var told strings.Builder
	err := a.check(true, &told)
	for _, want := range []string{
		"ec2:DeleteVpc was called, and the policy of aws-ec2", "ec2:DeleteVpc was called, and the policy of aws-cfn",
		"cloudformation:UpdateStack was called, and the policy of aws-cfn", ":AssumeRole was called",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if !strings.Contains(told.String(), "ec2:DescribeSubnets is allowed") || strings.Contains(told.String(), "ec2:DescribeVpcs") {
		t.Errorf("what was never seen: %s", told.String())
	}
}

package awsec2

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
)

func TestTokens(t *testing.T) {
	got := token("CreateNatGateway", "vpc-1", "subnet-1")
	if got != token("CreateNatGateway", "vpc-1", "subnet-1") {
		t.Error("the same wish has two tokens")
	}
	if len(got) > 64 {
		t.Errorf("%q is longer than EC2 takes", got)
	}
	seen := map[string]string{}
	for _, parameters := range [][]string{
		{"CreateNatGateway", "vpc-1", "subnet-1"},
		{"CreateNatGateway", "vpc-1", "subnet-1", "after nat-1"},
		{"CreateNatGateway", "vpc-1", "subnet-1", "after nat-2"},
		{"CreateNatGateway", "vpc-1subnet-1"},
		{"CreateNatGateway", "vpc-1", "subnet-1", ""},
		{"CreateNatGateway vpc-1", "subnet-1"},
	} {
		this := fmt.Sprintf("%q", parameters)
		if other, taken := seen[token(parameters...)]; taken {
			t.Errorf("%s and %s have the same token", this, other)
		}
		seen[token(parameters...)] = this
	}
}

func TestSalted(t *testing.T) {
	type answer struct {
		id   string
		dead bool
		err  error
	}
	mismatch, refused := coded("IdempotentParameterMismatch"), coded("NatGatewayLimitExceeded")
	for _, c := range []struct {
		name    string
		answers []answer
		tokens  int
		err     string
	}{
		{"made", []answer{{id: "nat-1"}}, 1, ""},
		{"a dead one, then made", []answer{{id: "nat-0", dead: true}, {id: "nat-1"}}, 2, ""},
		{"two dead ones, then made", []answer{{id: "nat-0", dead: true}, {id: "nat-1", dead: true}, {id: "nat-2"}}, 3, ""},
		{"mismatch, then made", []answer{{err: mismatch}, {id: "nat-1"}}, 2, ""},
		{"refused", []answer{{err: refused}}, 1, refused.Error()},
		{"a dead one, then refused", []answer{{id: "nat-0", dead: true}, {err: refused}}, 2, refused.Error()},
		{"mismatch for ever", []answer{{err: mismatch}, {err: mismatch}, {err: mismatch}}, 3, mismatch.Error()},
		{
			"dead for ever",
			[]answer{{id: "nat-0", dead: true}, {id: "nat-0", dead: true}, {id: "nat-0", dead: true}},
			3, "EC2 still answers with nat-0, which is gone, to the client token number 3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func() (tokens []string, err error) {
				err = salted([]string{"X"}, func(token string) (string, bool, error) {
					a := c.answers[len(tokens)]
					tokens = append(tokens, token)
					return a.id, a.dead, a.err
				})
				return tokens, err
			}
			tokens, err := run()
			if got := fmt.Sprint(err); got != cmp.Or(c.err, "<nil>") {
				t.Errorf("got %s, want %q", got, c.err)
			}
			unique := slices.Compact(slices.Sorted(slices.Values(tokens)))
			if len(unique) != c.tokens {
				t.Errorf("%d different tokens, want %d", len(unique), c.tokens)
			}
			if again, _ := run(); !slices.Equal(again, tokens) {
				t.Error("after a crash the tokens would be others")
			}
		})
	}
}

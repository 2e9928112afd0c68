package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestFactsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range facts() {
		if f.name == "" || f.source == "" || f.aws == "" || f.see == nil {
			t.Errorf("%q lacks something", f.name)
		}
		if seen[f.name] {
			t.Errorf("%q is there twice", f.name)
		}
		seen[f.name] = true
	}
}

func TestDifferencesAreOfFacts(t *testing.T) {
	order := map[string]int{}
	aws := map[string]string{}
	for i, f := range facts() {
		order[f.name], aws[f.name] = i, f.aws
	}
	last := map[string]int{}
	for _, d := range Differences {
		i, known := order[d.Fact]
		switch {
		case !known:
			t.Errorf("%q is no fact", d.Fact)
		case d.Cloud == "" || d.Shows == "" || d.Why == "":
			t.Errorf("the difference of %q lacks something", d.Fact)
		case d.Shows == aws[d.Fact]:
			t.Errorf("%q: that is what AWS shows", d.Fact)
		case last[d.Cloud] > i:
			t.Errorf("%q is there twice, or not in the order of the facts", d.Fact)
		}
		last[d.Cloud] = i + 1
	}
}

func TestJudge(t *testing.T) {
	known := Differences[0]
	f := fact{name: known.Fact, source: "s", aws: "what AWS shows"}
	for _, test := range []struct {
		name, cloud, got string
		wrong            bool
	}{
		{"as AWS", "another cloud", f.aws, false},
		{"not as AWS", "another cloud", known.Shows, true},
		{"as listed", known.Cloud, known.Shows, false},
		{"listed, and gone", known.Cloud, f.aws, true},
		{"listed, and otherwise", known.Cloud, "something else", true},
	} {
		if problem := judge(f, test.cloud, test.got); (problem != "") != test.wrong {
			t.Errorf("%s: %q", test.name, problem)
		}
	}
}

// unprovoked are the codes that package awsec2 knows and no fact shows.
var unprovoked = map[string]string{
	"InvalidAddressID.NotFound":    "AWS's list has it for a release; what people see there is InvalidAllocationID.NotFound",
	"InvalidPrefixListID.NotFound": "either spelling: EC2 uses both",
	"InvalidPrefixListId.NotFound": "either spelling: EC2 uses both",
	"InvalidRouteTableId.NotFound": "the other spelling, of older calls",
	"InvalidSubnetId.NotFound":     "the other spelling, of older calls",
	"ResourceCountLimitExceeded":   "no source says when EC2 answers so and not RouteLimitExceeded",

	"AccessDenied":                "takes IAM, which no cloud here has",
	"AccessDeniedException":       "takes IAM, which no cloud here has",
	"OptInRequired":               "takes an account that is not signed up",
	"UnauthorizedOperation":       "takes IAM, which no cloud here has",
	"ExpiredToken":                "takes credentials that are looked at",
	"ExpiredTokenException":       "takes credentials that are looked at",
	"InvalidClientTokenId":        "takes credentials that are looked at",
	"RequestExpired":              "takes credentials that are looked at",
	"UnrecognizedClientException": "takes credentials that are looked at",

	"InternalError":      "an outage: for the hooks of the EC2 in memory",
	"InternalFailure":    "an outage: for the hooks of the EC2 in memory",
	"ServiceUnavailable": "an outage: for the hooks of the EC2 in memory",
	"Unavailable":        "an outage: for the hooks of the EC2 in memory",
}

// Each code that the controller decides by is shown by a fact: what no cloud ever answers is decided by in no test.
func TestCodesAreProvoked(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range facts() {
		for _, word := range strings.FieldsFunc(f.aws, func(r rune) bool { return r == ' ' || r == ',' }) {
			shown[word] = true
		}
	}
	codes := classified(t)
	if len(codes) < 20 {
		t.Fatalf("found only %d codes", len(codes))
	}
	for code := range codes {
		switch _, listed := unprovoked[code]; {
		case shown[code] && listed:
			t.Errorf("%s is shown by a fact: take it out of the list", code)
		case !shown[code] && !listed:
			t.Errorf("%s is shown by no fact", code)
		}
	}
	for code := range unprovoked {
		if !codes[code] {
			t.Errorf("awsec2 does not know %s", code)
		}
	}
}

// The codes that the stack provider decides by.
func TestStackCodesAreProvoked(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../awscfn/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "code") || len(spec.Values) != 1 {
			return true
		}
		found++
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok || !slices.ContainsFunc(facts(), func(f fact) bool { return strings.Contains(f.aws, strings.Trim(literal.Value, `"`)) }) {
			t.Errorf("%s is shown by no fact", spec.Names[0])
		}
		return true
	})
	if found < 3 {
		t.Errorf("found only %d codes", found)
	}
}

// classified reads the codes that awsec2/errors.go puts into sets.
func classified(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../awsec2/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "set" {
			return true
		}
		for _, arg := range call.Args {
			if literal, ok := arg.(*ast.BasicLit); ok {
				code, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				codes[code] = true
			}
		}
		return true
	})
	return codes
}

//go:build e2e

package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew; read the difference before you commit it")

// What is said when something outside is not as it should be. Whoever reads it must know what to do; so read the golden
// files as the one who has that trouble.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, zoneA)
	c := sharedControlPlane(t)
	namespace := c.ownNamespace(t)
	c.put(t, configMap(namespace, "partners", "dns=8.8.8.8"))
	reader := c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)

	// A port that was free a moment ago.
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	away := *c
	away.host = "https://127.0.0.1:" + ports[0]

	expired := newAWSProxy(t)
	expired.refuse(func(ec2Call) *refusal {
		return &refusal{http.StatusBadRequest, "RequestExpired", "Request has expired."}
	})

	for name, controller := range map[string]*controller{
		"kubernetes-away":     s.controller(t, "--kubeconfig="+away.kubeconfig(t, "token")),
		"kubeconfig-missing":  s.controller(t, "--kubeconfig=no-such-file"),
		"kubernetes-no-token": s.controller(t, "--kubeconfig="+c.kubeconfig(t, "not-a-token")),
		"namespace-missing":   s.controller(t, "--kubeconfig="+reader, "--namespace=no-such-namespace", "--namespace="+namespace),
		"aws-expired":         s.controller(t, "--kubeconfig="+reader, "--namespace="+namespace).through(expired),
		"aws-no-credentials":  s.controller(t, "--kubeconfig="+reader).with("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="),
		"aws-away":            s.controller(t, "--kubeconfig="+reader, "--namespace="+namespace).with("AWS_ENDPOINT_URL=http://127.0.0.1:" + ports[0]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, s.anonymous(t, told("plan", controller.exec(t, "plan"))))
		})
	}

	t.Run("kubernetes-forbidden", func(t *testing.T) {
		t.Parallel()
		stranger := s.controller(t, "--kubeconfig="+c.user(t, mayReadNamespaces))
		golden(t, "kubernetes-forbidden", s.anonymous(t, told("plan", stranger.exec(t, "plan"))))
	})
}

// IAM forbids one operation on one thing. It is named, with the thing, and everything else goes on (rule 12).
func TestMessagesOfIAM(t *testing.T) {
	t.Parallel()
	s := newSite(t, allZones...)
	iam := newAWSProxy(t)
	iam.refuse(func(c ec2Call) *refusal {
		var resource string
		switch {
		case c.action == "CreateRoute" && c.Get("RouteTableId") == s.tables["dmz-"+zoneB]:
			resource = "route-table/" + c.Get("RouteTableId")
		case c.action == "CreateNatGateway" && strings.Contains(c.Encode(), zoneC):
			resource = "natgateway/*"
		default:
			return nil
		}
		// In these words EC2 says it (IAM's user guide, "Troubleshoot access denied error messages").
		return &refusal{http.StatusForbidden, "UnauthorizedOperation", fmt.Sprintf(
			"You are not authorized to perform this operation. User: arn:aws:sts::%[1]s:assumed-role/egress/e2e is not authorized "+
				"to perform: ec2:%[2]s on resource: arn:aws:ec2:%[3]s:%[1]s:%[4]s because no identity-based policy allows the "+
				"ec2:%[2]s action. Encoded authorization failure message: %[5]s",
			s.account, c.action, region, resource, strings.Repeat("A", 200),
		)}
	})
	want := pictureOf(s.snapshot(t))
	c := s.controller(t, "--configmaps="+examples(t)).through(iam)
	r := c.exec(t, "run", "--once", "--timeout=14s", "--log-level=error")
	for strings.Contains(r.stderr, "deadline exceeded") && !t.Failed() {
		// The end came in the middle of a call, and what is said is about that.
		r = c.exec(t, "run", "--once", "--timeout=14s", "--log-level=error")
	}
	golden(t, "iam-forbids", s.anonymous(t, told("run --once --timeout=14s", r)))

	want.path("nobody", zoneA, zoneB)
	want.route("dmz-"+zoneA, zoneA, "192.112.0.0/21", "8.8.8.8/32")
	have := pictureOf(s.snapshot(t))
	for thing, lines := range want {
		if !slices.Equal(have[thing], lines) && thing != dmz("dmz-"+zoneC) {
			t.Errorf("what is allowed did not go on: %s\n%s", thing, difference(strings.Join(lines, "\n"), strings.Join(have[thing], "\n")))
		}
	}

	// When it is allowed, nothing stands in the way.
	iam.refuse(nil)
	c.once(t)
	want.path("nobody", zoneC)
	want.route("dmz-"+zoneB, zoneB, "192.112.0.0/21", "8.8.8.8/32")
	want.route("dmz-"+zoneC, zoneC, "192.112.0.0/21", "8.8.8.8/32")
	s.wantState(t, want.String())
}

// told is what a command prints. How often something is tried again depends on the machine, so each line of the log
// stands here once.
func told(command string, r result) string {
	var stderr strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(r.stderr) {
		if text := anyTime.ReplaceAllString(line, ""); !seen[text] {
			stderr.WriteString(line)
			seen[text] = true
		}
	}
	return fmt.Sprintf("$ kube-static-egress-controller %s …\n%s-- stderr --\n%s-- exit %d --\n", command, r.stdout, stderr.String(), r.code)
}

// What is different each time: ids, addresses, ports, folders, moments.
var (
	anyID      = regexp.MustCompile(`\b(vpc|rtb|subnet|nat|igw|eipalloc|rtbassoc)-[0-9a-f]{17}\b`)
	anyAddress = regexp.MustCompile(`\b127\.\d+\.\d+\.\d+(:\d+)?\b`)
	anyTempDir = regexp.MustCompile(regexp.QuoteMeta(strings.TrimSuffix(os.TempDir(), "/")) + `/[^\s:"]+/`)
	anyTime    = regexp.MustCompile(`\btime=\S+`)
	anyTook    = regexp.MustCompile(`\b\d+(\.\d+)?(ms|s)\b ago`)
	anyRequest = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
)

// anonymous puts names in place of what is different each time.
func (s *site) anonymous(t *testing.T, text string) string {
	t.Helper()
	names := s.observe(t).names()
	text = anyID.ReplaceAllStringFunc(text, func(id string) string {
		if name := names[id]; name != "" {
			return "<" + name + ">"
		}
		kind, _, _ := strings.Cut(id, "-")
		return "<" + kind + ">"
	})
	text = anyAddress.ReplaceAllString(text, "<address>")
	text = anyTempDir.ReplaceAllString(text, "<folder>/")
	text = anyTime.ReplaceAllString(text, "time=<time>")
	text = anyTook.ReplaceAllString(text, "<time> ago")
	text = anyRequest.ReplaceAllString(text, "<request>")
	return strings.ReplaceAll(text, s.account, "<account>")
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := cmp.Or(os.MkdirAll("testdata", 0o755), os.WriteFile(file, []byte(have), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s is not what is said now (-update writes it anew):\n%s", file, difference(string(want), have))
	}
}

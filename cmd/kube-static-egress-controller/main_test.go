package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// good is a set-up in which nothing is wrong.
const good = "--provider=inmemory --configmaps=testdata/egress-t1.yaml " +
	"--aws-az=eu-central-1a --aws-nat-cidr-block=172.31.64.0/28 --aws-az=eu-central-1b --aws-nat-cidr-block=172.31.64.16/28"

// TestCommands has every command with a flag before it, after it, a stray word, a typo of the command and of a flag.
func TestCommands(t *testing.T) {
	for _, s := range []story{
		{name: "command-run", args: `
			--log-level=error run
			run --log-level=loud ` + good + `
			run stray ` + good + `
			rum ` + good + `
			run --log-evel=error ` + good},
		{name: "command-plan", args: `
			--log-level=error plan
			--detailed-exitcode plan ` + good + `
			--once plan
			plan --log-level=loud ` + good + `
			plan stray ` + good + `
			plna ` + good + `
			plan --detailed-exit-code ` + good + `
			plan --once ` + good + `
			plan plan ` + good + `
			plan run ` + good},
		{name: "command-version", args: `
			--log-level=error version
			version --log-level=error
			version stray
			version plan
			vresion
			vers
			--version
			--versio`},
		{name: "command-policy", args: `
			--cluster-id=kube-1 policy
			policy --cluster-di=kube-1 --provider=aws-ec2
			policy stray --cluster-id=kube-1 --provider=aws-ec2
			policy plan
			polyci --cluster-id=kube-1
			policy --help`},
		{name: "command-help", args: `
			help
			-h
			--help
			--log-level=error help
			help --log-level=error
			help stray
			help plan stray
			hel
			help version
			version --help`},
		{name: "help-run", args: `
			run --help`},
		{name: "help-plan", args: `
			help plan
			plan -h`},
		{name: "help-teardown", args: `
			help teardown`},
		{name: "command-teardown", args: `
			--yes teardown ` + good + `
			teardown stray ` + good + `
			tear-down ` + good + `
			teardown --force ` + good + `
			teardown --once ` + good + `
			teardown plan ` + good + `
			teardown --aws-az=eu-central-1a --timeout=0s --aws-eip-allocation-id=eu-central-1b --provider=aws-ec2
			run --release-addresses ` + good},
		{name: "command-words", args: `
			run --dry-run false ` + good + `
			run --dry-run= ` + good + `
			run --once --once ` + good + `
			run --cluster-id --dry-run ` + good + `
			run --cluster-id
			run -- --dry-run
			plan - ` + good + `
			teardown --provider=inmemory --yes perhaps
			template
			policy`},
	} {
		t.Run(s.name, func(t *testing.T) {
			s.args = strings.TrimSpace(s.args)
			s.check(t)
		})
	}
}

func TestEmptyWordIsNoCommand(t *testing.T) {
	// What $UNSET in a script is.
	for _, args := range [][]string{{""}, {"plan", ""}, {" "}, {"Run"}, {"plan\n"}} {
		if _, stderr, code := execute(t.Context(), story{}, args); code != failed || stderr == "" {
			t.Errorf("%q: exit %d, %s", args, code, stderr)
		}
	}
}

// TestFlags has all that can be wrong with flags, and says it at once.
func TestFlags(t *testing.T) {
	for _, s := range []story{
		{name: "flags-all-mistakes", args: "run --provider=aws --aws-az=a,b,a,c --aws-nat-cidr-block=10.0.0.0/28,10.0.0.8/28,10.0.0.0/29 " +
			"--vpc-id=10.0.0.0/16 --tag-key=Name --aws-route-table-tag=dmz --aws-tag=static-egress/cluster=x --aws-tag=Name=x " +
			"--aws-tag=kubernetes.io/cluster/x=owned --aws-tag=aws:cloudformation:stack-id=x --aws-tag=a=b --aws-tag=a=c " +
			"--controller-id=c? --aws-eip-allocation-id=a --aws-eip-allocation-id=z=eipalloc-1 --aws-eip-allocation-id=a=1.2.3.4 " +
			"--aws-eip-allocation-id=a=eipalloc-1,a=eipalloc-2,b=eipalloc-1 --eip-reclaim-policy=delete --release-delay=7d --preallocate=maybe " +
			"--configmaps=-,- --namespace=Default,kube_system,-x --min-prefix-length=33 --allow-cidr=8.8.8.8,::/0 --deny-cidr=10.0.0.1/8,all " +
			"--withdraw-delay=-1m --teardown-delay=soon --max-routes-per-table=0 --log-format=xml --log-level=loud --once --dry-run --timeout=0s " +
			"--resync-interval=1ms --address=8080 --dryrun --unknown value stray"},
		{name: "flags-zones", args: `
			plan --provider=inmemory --configmaps=x --aws-az=a
			plan --provider=inmemory --configmaps=x --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=inmemory --configmaps=x --aws-az=a --aws-az=b --aws-az=c --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=inmemory --configmaps=x --aws-az=a,b --aws-nat-cidr-block=10.0.0.0/24,10.0.0.16/28
			plan --provider=inmemory --configmaps=x --aws-az=a,b --aws-nat-cidr-block=10.0.0.0/28,10.0.0.0/28
			plan --provider=inmemory --configmaps=x --aws-az=a,b,c,d,e --aws-nat-cidr-block=10.0.0.0/15,10.4.0.0/29,fd00::/28,::ffff:10.8.0.0/112,10.9.0.0
			plan --provider=inmemory --configmaps=x --aws-az=a,a --aws-nat-cidr-block=10.0.0.0/28,10.0.0.16/28`},
		{name: "flags-provider", args: `
			plan --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=aws --cluster-id=x --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=aws-cfn --cluster-id=x --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=noop --cluster-id=x --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=gcp --cluster-id=x --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=aws-ec2 --configmaps=x --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=inmemory --kubeconfig=testdata/not-there --aws-az=a --aws-nat-cidr-block=10.0.0.0/28
			plan --provider=inmemory --configmaps=x --kubeconfig=y --master=z --aws-az=a --aws-nat-cidr-block=10.0.0.0/28`},
		{
			name: "flags-environment", args: "run",
			env: map[string]string{
				"KUBE_STATIC_EGRESS_CONTROLLER_PROVIDER":              "nothing",
				"KUBE_STATIC_EGRESS_CONTROLLER_AWS_AZ":                "a\nb,c\n",
				"KUBE_STATIC_EGRESS_CONTROLLER_ADDITIONAL_STACK_TAGS": "a=1,2\nstatic-egress/zone=x",
				"KUBE_STATIC_EGRESS_CONTROLLER_LOG_LEVEL":             " ",
				"KUBE_STATIC_EGRESS_CONTROLLER_DRY_RUN":               "perhaps",
			},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			s.args = strings.TrimSpace(s.args)
			s.check(t)
		})
	}
}

// made is a cloud in which somebody made something by hand.
func made(seed func() *inmemory.EC2) cloud {
	return func(context.Context, setup, *slog.Logger) (apis, error) { return apis{ec2: seed()}, nil }
}

var threeZones = []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}

// TestSite has the set-ups that are only seen to be bad when somebody looks at the site.
func TestSite(t *testing.T) {
	for _, s := range []story{
		{name: "site-block-outside", args: "plan --aws-az=eu-central-1c --aws-nat-cidr-block=10.0.0.0/28 " + good},
		{name: "site-block-taken", args: "plan --aws-az=eu-central-1c --aws-nat-cidr-block=172.31.0.0/28 " + good},
		{
			name: "site-unknown-zone", args: "plan --aws-az=eu-central-1x --aws-nat-cidr-block=172.31.64.32/28 " + good,
			cloud: made(func() *inmemory.EC2 { return inmemory.Seed(inmemory.Options{}, "AvailabilityZone", threeZones) }),
		},
		{
			name: "site-no-internet-gateway", args: "plan " + good + "\nrun --once " + good,
			cloud: made(func() *inmemory.EC2 {
				e := inmemory.New(inmemory.Options{Zones: threeZones})
				vpc := e.CreateVPC(true, "172.31.0.0/16")
				e.AddRouteTable(vpc, inmemory.Tags{"AvailabilityZone": "eu-central-1a"})
				e.Settle()
				return e
			}),
		},
		{
			name: "site-two-vpcs", args: "plan " + good + "\nrun " + good + " --address=\nrun --log-format=json " + good + " --address=",
			cloud: made(func() *inmemory.EC2 {
				e := inmemory.New(inmemory.Options{Zones: threeZones})
				e.CreateVPC(false, "172.31.0.0/16")
				e.CreateVPC(false, "10.0.0.0/16")
				e.Settle()
				return e
			}),
		},
		{name: "site-no-such-vpc", args: "plan --vpc-id=vpc-0123456789abcdef0 " + good},
		{name: "site-manifest-unreadable", args: "plan --configmaps=testdata/not-there.yaml " + good + "\nrun --configmaps=testdata/not-there.yaml --address= " + good},
		{name: "site-manifest-invalid", args: strings.Replace("plan "+good, "testdata/egress-t1.yaml", "-", 1), stdin: "kind: [ConfigMap\n"},
	} {
		t.Run(s.name, s.check)
	}
}

// TestAWS has the mistakes on the way to AWS. None of these calls leaves this machine.
func TestAWS(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}

	aws := strings.Replace(good, "inmemory", "aws-ec2 --cluster-id=test", 1)
	for _, c := range []struct {
		story
		sdk map[string]string
	}{
		{story{name: "aws-no-region", args: "plan " + aws}, map[string]string{"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}},
		{story{name: "aws-no-credentials", args: "plan " + aws}, map[string]string{"AWS_REGION": "eu-central-1"}},
		{story{name: "aws-refused", args: "plan " + aws}, map[string]string{
			"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": "http://" + port,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What is set where the tests run must not lead them to a real account.
			for _, name := range []string{
				"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
				"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
				"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
			} {
				t.Setenv(name, c.sdk[name])
			}
			none := t.TempDir() + "/none"
			t.Setenv("AWS_CONFIG_FILE", none)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			golden(t, c.name, strings.ReplaceAll(c.tell(t), port, "127.0.0.1:PORT"))
		})
	}
}

// TestLife has what goes well.
func TestLife(t *testing.T) {
	for _, s := range []story{
		{name: "plan", args: "plan " + good + "\nplan --detailed-exitcode " + good},
		{name: "plan-json", args: "plan -o json " + good},
		{name: "once", args: "run --once " + good},
		{name: "once-json-log", args: "run --once --log-format=json " + good},
		{name: "once-too-late", args: "run --once --timeout=11s " + good},
		{name: "nothing-to-do", args: strings.Replace("plan --detailed-exitcode "+good, "testdata/egress-t1.yaml", "-", 1), stdin: "kind: List\napiVersion: v1\nitems: []\n"},
	} {
		t.Run(s.name, s.check)
	}
}

package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

const envPrefix = "KUBE_STATIC_EGRESS_CONTROLLER_"

// cut says how the values of a flag are taken apart.
type cut int

const (
	single  cut = iota // one value, given once
	truth              // true or false; true without a value
	listed             // several, cut at newlines and commas
	tagged             // several KEY=VALUE, cut at newlines only: a tag's value may have a comma in it
	optText            // one value, and an empty one on the command line is not the same as none
)

// option is one flag. urfave/cli draws the help from it and does not parse it: its parser stops at the first mistake,
// takes a flag for the value of the one before it, and forgets whether a value came from the environment.
type option struct {
	name    string
	aliases []string
	cut     cut
	value   string // what the value is called in the help
	preset  string // the default
	group   string // the heading in the help
	usage   string
}

var (
	_ cli.DocGenerationSliceFlag = (*option)(nil)
	_ cli.CategorizableFlag      = (*option)(nil)
)

// Names and the rest up to String are what urfave/cli asks of a flag.
func (o *option) Names() []string           { return append([]string{o.name}, o.aliases...) }
func (o *option) Apply(*flag.FlagSet) error { return nil }
func (o *option) IsSet() bool               { return false }
func (o *option) IsVisible() bool           { return true }
func (o *option) TakesValue() bool          { return o.cut != truth }
func (o *option) IsSliceFlag() bool         { return o.cut == listed || o.cut == tagged }
func (o *option) GetUsage() string          { return o.usage }
func (o *option) GetValue() string          { return o.preset }
func (o *option) GetDefaultText() string    { return o.preset }
func (o *option) GetCategory() string       { return o.group }

// GetEnvVars names the flag's environment variables, the aliases' after its own.
func (o *option) GetEnvVars() []string {
	var names []string
	for _, n := range o.Names() {
		if len(n) > 1 {
			names = append(names, envPrefix+strings.ToUpper(strings.ReplaceAll(n, "-", "_")))
		}
	}
	return names
}

// String is the flag's line in the help.
func (o *option) String() string {
	var names []string
	for _, n := range o.Names() {
		names = append(names, dashed(n))
	}
	line := strings.Join(names, ", ")
	if o.value != "" {
		line += " " + o.value
	}
	line += "\t" + o.usage
	if o.IsSliceFlag() {
		line += "; can be repeated"
	}
	if o.preset != "" {
		line += fmt.Sprintf(" (default: %s)", o.preset)
	}
	return line
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// The headings of the help; urfave/cli sorts by them.
const (
	addresses = "Addresses"
	claims    = "What may be asked for"
	care      = "Pace and care"
	ownership = "Ownership"
	output    = "Output"
	site      = "Site"
	stack     = "The stack of aws-cfn"
)

// shared are the flags of every command that looks at the cloud: run and plan must not be able to mean different things.
func shared() []*option {
	return []*option{
		{name: "provider", value: "NAME", group: site, usage: "aws-ec2 calls EC2, aws-cfn keeps one CloudFormation stack, inmemory is lost at the end of the program; required"},
		{name: "aws-az", cut: listed, value: "ZONE", group: site, usage: "an availability zone, paired in order with --aws-nat-cidr-block"},
		{name: "aws-nat-cidr-block", cut: listed, value: "CIDR", group: site, usage: "the zone's block for its NAT gateway, /28 to /16, free in the VPC"},
		{name: "vpc-id", value: "ID", group: site, usage: "the VPC; without it the default VPC, else the only one"},
		{name: "tag-key", value: "KEY", preset: "AvailabilityZone", group: site, usage: "the tag of the DMZ route tables; its value names their zone"},
		{name: "aws-route-table-tag", cut: tagged, value: "KEY=VALUE", group: site, usage: "take only the route tables that have this tag too"},

		{name: "cluster-id", value: "ID", group: ownership, usage: "whose things these are; required for AWS"},
		{name: "controller-id", value: "ID", preset: program, group: ownership, usage: "tells several controllers of one cluster apart"},
		{name: "controller-namespace", value: "NAME", group: ownership, usage: "where the ConfigMaps static-egress-state and static-egress-status are kept; without it the pod's own, or that of the kubeconfig's context"},
		{name: "take-over", cut: listed, value: "UID", group: ownership, usage: "the owner of a lost cluster, whose things become this one's"},
		{name: "aws-tag", aliases: []string{"additional-stack-tags"}, cut: tagged, value: "KEY=VALUE", group: ownership, usage: "a tag for everything that is made"},

		{name: "aws-eip-allocation-id", cut: listed, value: "ZONE=ID", group: addresses, usage: "an address that you bring for a zone; never released nor tagged"},
		{name: "eip-reclaim-policy", value: "POLICY", preset: "Retain", group: addresses, usage: "Retain keeps an address that is no longer used, Delete releases it after --release-delay"},
		{name: "release-delay", value: "TIME", preset: "168h", group: addresses, usage: "how long the gateway of an address must be gone before it is released"},
		{name: "preallocate", cut: truth, group: addresses, usage: "build the egress paths before anybody asks for a target"},

		{name: "configmaps", cut: listed, value: "PATH", group: claims, usage: "read manifests (a file, a folder, - for stdin) instead of a cluster"},
		{name: "kubeconfig", value: "FILE", group: claims, usage: "how to reach the cluster; without it, outside a cluster, what kubectl would take"},
		{name: "context", cut: listed, value: "NAME", group: claims, usage: "a context of the kubeconfig, all of which may ask; the first is the home, with the Lease, the state and the status"},
		{name: "master", value: "URL", group: claims, usage: "the API server, instead of the one that the kubeconfig names"},
		{name: "namespace", cut: listed, value: "NAME", group: claims, usage: "a namespace that may ask; without it all may"},
		{name: "min-prefix-length", value: "BITS", preset: "16", group: claims, usage: "the shortest prefix that may be asked for"},
		{name: "allow-cidr", cut: listed, value: "CIDR", group: claims, usage: "may be asked for although it is not globally reachable"},
		{name: "deny-cidr", cut: listed, value: "CIDR", group: claims, usage: "may not be asked for"},

		{name: "withdraw-delay", value: "TIME", preset: "1m", group: care, usage: "from the end of a claim to the end of its route"},
		{name: "teardown-delay", value: "TIME", preset: "10m", group: care, usage: "from the last claim to the end of the egress paths"},
		{name: "max-withdrawal", value: "PERCENT", preset: "50", group: care, usage: "of ten or more targets, more than that at once stay until somebody confirms it; 100 lets all go"},
		{name: "max-routes-per-table", value: "NUMBER", preset: "500", group: care, usage: "how many routes a route table may have"},
		{name: "allow-disruption", cut: listed, value: "ZONE|TABLE", group: care, usage: "traffic may be interrupted there"},

		{name: "stack-name", value: "NAME", group: stack, usage: "the stack; without it static-egress- and the cluster id"},
		{name: "cf-template-bucket", value: "NAME", group: stack, usage: "the S3 bucket for templates of more than 51200 bytes, which no call takes"},
		{name: "stack-termination-protection", cut: truth, group: stack, usage: "nobody deletes the stack by mistake"},

		{name: "log-format", value: "FORMAT", preset: "text", group: output, usage: "text or json, on stderr"},
		{name: "log-level", value: "LEVEL", preset: "info", group: output, usage: "debug, info, warn or error"},
	}
}

func runOptions() []*option {
	return append(shared(), []*option{
		{name: "once", cut: truth, group: care, usage: "pass until nothing is left to do, print a report and exit; without the withdraw and teardown delays"},
		{name: "timeout", value: "TIME", preset: "15m", group: care, usage: "how long --once may take"},
		{name: "dry-run", cut: truth, group: care, usage: "print the plan of each pass and change nothing"},
		{name: "resync-interval", value: "TIME", preset: "1m", group: care, usage: "the longest time between two passes"},
		{name: "address", cut: optText, value: "HOST:PORT", preset: ":8080", group: output, usage: "where /metrics, /healthz and /readyz are served; empty: nowhere; with --once only if it is given"},
	}...)
}

func planOptions() []*option {
	return append(shared(), []*option{
		{name: "output", aliases: []string{"o"}, value: "FORMAT", preset: "text", group: output, usage: "text or json"},
		{name: "detailed-exitcode", cut: truth, group: output, usage: "exit 0: nothing to do, 2: actions or waiting, 1: error"},
	}...)
}

// templateOptions are those of plan but for how it is printed.
func templateOptions() []*option { return shared() }

// policyOptions are those that a policy depends on: they mean what they mean to run.
func policyOptions() []*option {
	var options []*option
	for _, o := range shared() {
		if slices.Contains([]string{
			"provider", "vpc-id", "tag-key", "aws-route-table-tag", "cluster-id", "controller-id", "take-over", "aws-tag",
			"aws-eip-allocation-id", "eip-reclaim-policy", "stack-name", "cf-template-bucket",
		}, o.name) {
			options = append(options, o)
		}
	}
	return options
}

// teardownOptions are those of run as far as they say where and whose things are, and the rest of the shared ones for whoever
// copies them.
func teardownOptions() []*option {
	return append(shared(), []*option{
		{name: "release-addresses", cut: truth, group: addresses, usage: "release the addresses too, for good; never one that you brought, or that lost its tags"},
		{name: "yes", cut: truth, group: care, usage: "do not ask: the plan is agreed to unseen"},
		{name: "timeout", value: "TIME", preset: "15m", group: care, usage: "how long it may take"},
	}...)
}

func find(options []*option, name string) *option {
	for _, o := range options {
		if slices.Contains(o.Names(), name) {
			return o
		}
	}
	return nil
}

func asFlags(options []*option) []cli.Flag {
	var flags []cli.Flag
	for _, o := range options {
		flags = append(flags, o)
	}
	return flags
}

package main

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// setup is what all flags together mean. It is valid: check has made it. Each part of the program is given what it needs
// of it by one of the functions below.
type setup struct {
	provider string

	zones         []reconcile.ZoneConfig // sorted
	brought       []string               // the allocation ids of the addresses that the user brings, sorted
	vpc           string
	tagKey        string
	tableTags     map[string]string
	cluster       string
	controller    string
	home          string // empty: where we are
	takeOver      []string
	maxWithdrawal int
	tags          map[string]string
	release       bool // addresses, after releaseDelay
	releaseDelay  time.Duration
	preallocate   bool
	configmaps    []string // empty: a cluster is read
	kubeconfig    string
	contexts      []string
	master        string
	namespaces    []string
	minPrefix     int
	allow, deny   []netip.Prefix
	withdrawDelay time.Duration
	teardownDelay time.Duration
	maxRoutes     int
	disrupt       []string

	stackName string
	bucket    string
	protect   bool
	template  bool // the command template

	teardown         bool // the command teardown,
	releaseAddresses bool // of addresses too,
	yes              bool // and nobody is asked

	once     bool
	timeout  time.Duration
	dryRun   bool
	resync   time.Duration
	address  string // empty: nothing is served
	json     bool   // plan -o json
	detailed bool   // plan --detailed-exitcode

	logJSON  bool
	logLevel slog.Level
}

// config is the loop's part.
func (s setup) config() reconcile.Config {
	c := reconcile.Config{
		Zones:            s.zones,
		MinPrefixLength:  s.minPrefix,
		Allow:            s.allow,
		Deny:             s.deny,
		ReleaseAddresses: s.release,
		Preallocate:      s.preallocate,
		MaxRoutes:        s.maxRoutes,
		ReleaseDelay:     s.releaseDelay,
		WithdrawDelay:    s.withdrawDelay,
		TeardownDelay:    s.teardownDelay,
		AllowDisruption:  s.disrupt,
		Cluster:          s.cluster,
		TakeOver:         s.takeOver,
		MaxWithdrawal:    s.maxWithdrawal,
	}
	if s.once {
		// Somebody waits for the end. The two delays are against flapping between passes; the release delay is not:
		// an address that was released cannot be had again.
		c.WithdrawDelay, c.TeardownDelay = 0, 0
	}
	if s.teardown {
		c = c.TearingDown(s.releaseAddresses)
	}
	return c
}

// ec2 is the provider's part, without what is only known when it runs.
func (s setup) ec2() awsec2.Config {
	blocks := map[reconcile.Zone]netip.Prefix{}
	for _, z := range s.zones {
		blocks[z.Zone] = z.Block
	}
	return awsec2.Config{
		VPC:        s.vpc,
		TagKey:     s.tagKey,
		TableTags:  s.tableTags,
		Cluster:    s.cluster,
		Controller: s.controller,
		Tags:       s.tags,
		Blocks:     blocks,
		Stack:      s.stack(),
	}
}

// stack is the name of the stack that carries out the plans; empty if none does.
func (s setup) stack() string {
	if s.provider == "aws-cfn" || s.template && s.provider == "inmemory" {
		return s.stackName
	}
	return ""
}

// cfn is the part of the provider that keeps a stack.
func (s setup) cfn() awscfn.Config {
	c := awscfn.Config{Stack: s.stack(), Protect: s.protect, Leave: s.teardown}
	for _, z := range s.zones {
		c.Zones = append(c.Zones, z.Zone)
	}
	return c
}

// clusters is the part of the one who reads them.
func (s setup) clusters(log *slog.Logger) kube.Options {
	return kube.Options{
		Kubeconfig: s.kubeconfig, Contexts: s.contexts, Master: s.master, Namespaces: s.namespaces,
		UserAgent: program + "/" + buildVersion(), Log: log,
	}
}

func (s setup) zoneNames() []string {
	var names []string
	for _, z := range s.zones {
		names = append(names, string(z.Zone))
	}
	return names
}

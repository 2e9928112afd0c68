package awsec2

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Config is what the provider needs to know. Cluster and Controller are required.
type Config struct {
	VPC       string            // --vpc-id; empty: the default VPC, else the only one
	TagKey    string            // the tag whose value names a DMZ route table's zone; AvailabilityZone if empty
	TableTags map[string]string // further tags that a DMZ route table must carry, each with exactly this value

	Cluster, Controller string            // whose things are ours (rule 1)
	Owner               string            // the cluster behind the cluster id (rule 16); empty: written on nothing
	Tags                map[string]string // what the user wants on everything that is made
	Stack               string            // the CloudFormation stack that holds what is ours; empty: none does

	Blocks map[reconcile.Zone]netip.Prefix // the NAT CIDR blocks

	Now     func() time.Time // time.Now if nil
	Log     *slog.Logger     // nothing is logged if nil
	Timeout time.Duration    // the limit for each attempt of a call; 15s if zero
	// OnCall is told of each call, its error's code (see [Code]; empty if it succeeded) and how long it took, with all of
	// its attempts. It is called from several goroutines at once. May be nil.
	OnCall func(operation, code string, took time.Duration)
}

const (
	defaultTagKey  = "AvailabilityZone"
	defaultTimeout = 15 * time.Second
)

func (c Config) withDefaults() Config {
	c.TagKey = cmp.Or(c.TagKey, defaultTagKey)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnCall == nil {
		c.OnCall = func(string, string, time.Duration) {}
	}
	return c
}

// check refuses what would make us blind or dangerous. Without a cluster id, everybody's things would be ours; with the
// tag key on our own route table, that table would take target routes; with the Kubernetes cluster tag, load balancer
// controllers would put load balancers into the NAT subnets.
func (c Config) check() error {
	if c.Cluster == "" || c.Controller == "" {
		return fmt.Errorf("a cluster id and a controller id are needed to tell what is ours")
	}
	for _, key := range sortedKeys(c.Tags) {
		switch {
		case key == c.TagKey:
			return fmt.Errorf("tag %s is the one that DMZ route tables carry: it must not be on what is made", key)
		case key == tagName || strings.HasPrefix(key, tagPrefix):
			return fmt.Errorf("tag %s is written by the controller itself", key)
		case strings.HasPrefix(key, "kubernetes.io/cluster/"):
			return fmt.Errorf("tag %s would have load balancers put into the NAT subnets", key)
		}
	}
	return nil
}

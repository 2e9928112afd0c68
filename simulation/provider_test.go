package simulation_test

import (
	"context"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// The providers that everything is played with: the same stories, the same invariants.
const (
	withEC2   = "aws-ec2"
	withStack = "aws-cfn"
)

var providers = []string{withEC2, withStack}

// stackName is that of the stack of aws-cfn.
const stackName = "static-egress"

// newProvider is the one that a process starts with: as a stack if there is a CloudFormation.
func newProvider(ctx context.Context, e *inmemory.EC2, cfn *inmemory.CloudFormation, cloud awsec2.Config, config reconcile.Config) (reconcile.Provider, error) {
	if cfn == nil {
		return awsec2.New(ctx, e, cloud)
	}
	cloud.Stack = stackName
	direct, err := awsec2.New(ctx, e, cloud)
	if err != nil {
		return nil, err
	}
	c := awscfn.Config{Stack: stackName, Leave: config.Teardown, Now: cloud.Now}
	for _, z := range config.Zones {
		c.Zones = append(c.Zones, z.Zone)
	}
	return awscfn.New(cfn, direct, c)
}

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// apis are the calls that a --provider makes.
type apis struct {
	ec2    awsec2.API
	cfn    awscfn.API    // nil where no stack carries out the plans
	bucket awscfn.Bucket // nil without --cf-template-bucket
}

// cloud opens the APIs of one --provider. It makes no call yet.
type cloud func(context.Context, setup, *slog.Logger) (apis, error)

var clouds = map[string]cloud{
	"aws-ec2": func(ctx context.Context, _ setup, _ *slog.Logger) (apis, error) {
		loaded, err := awsec2.LoadAWS(ctx, client)
		if err != nil {
			return apis{}, err
		}
		return apis{ec2: ec2.NewFromConfig(loaded)}, nil
	},
	"aws-cfn": func(ctx context.Context, s setup, _ *slog.Logger) (apis, error) {
		loaded, err := awsec2.LoadAWS(ctx, client)
		if err != nil {
			return apis{}, err
		}
		a := apis{ec2: ec2.NewFromConfig(loaded), cfn: cloudformation.NewFromConfig(loaded)}
		if s.bucket != "" {
			a.bucket = awscfn.NewS3(s.bucket, loaded, loaded.BaseEndpoint != nil)
		}
		return a, nil
	},
	"inmemory": func(_ context.Context, s setup, _ *slog.Logger) (apis, error) {
		cloud := inmemory.Seed(inMemory, s.tagKey, s.zoneNames())
		if s.stack() != "" {
			return apis{ec2: cloud, cfn: inmemory.NewCloudFormation(cloud, inmemory.CloudFormationOptions{})}, nil
		}
		return apis{ec2: cloud}, nil
	},
}

var client = awsec2.ClientConfig{Program: program, Version: buildVersion()}

// inMemory is an EC2 in which gateways take a moment, so that somebody who tries this program sees it wait as it does
// with AWS, where they take minutes.
var inMemory = inmemory.Options{Pending: 2 * time.Second, Deleting: 2 * time.Second}

// wires are the ends that the program's parts are tied to.
type wires struct {
	stdin  io.Reader
	log    *slog.Logger
	onCall func(operation, code string, took time.Duration) // may be nil
	saw    func(reconcile.Reading)                          // may be nil
	report func(reconcile.Report)                           // may be nil
	// identity is who asks for the lease; empty for what changes nothing, and needs none.
	identity string
}

// wired is the program's parts, put together.
type wired struct {
	loop *reconcile.Loop
	// watch wakes the loop when something may have changed, until the context ends. Nil where nobody can say so.
	watch func(context.Context)
	// tell sends the loop's news until the context ends. Nil where nobody is told.
	tell func(context.Context)
	// lease is what has to be held while anything is changed. Nil where nothing is, or where nobody else could change it too.
	lease lease
	// asking reads what is claimed in clusters, for those who only want to know.
	asking func(context.Context) reconcile.Reading
	// template gives the CloudFormation template of a plan. Nil where no stack carries plans out.
	template func(reconcile.Plan) ([]byte, error)
}

// wire puts together what all commands need: a loop over a provider and a reader. It looks up the VPC, and it reads the
// manifests once, so that a set-up that cannot work ends the program and is not found in the log later.
func wire(ctx context.Context, s setup, open cloud, w wires) (wired, error) {
	from, err := source(s, w)
	if err != nil {
		return wired{}, err
	}
	cloud, err := open(ctx, s, w.log)
	if err != nil {
		return wired{}, fmt.Errorf("--provider %q: %w", s.provider, err)
	}
	config := s.ec2()
	config.Now, config.OnCall, config.Log = time.Now, w.onCall, w.log
	direct, err := awsec2.New(ctx, cloud.ec2, config)
	if err != nil {
		return wired{}, err
	}
	out := wired{asking: from.asking}
	var provider reconcile.Provider = direct
	if cloud.cfn != nil {
		stack := s.cfn()
		stack.Bucket, stack.Now, stack.OnCall, stack.Log = cloud.bucket, time.Now, w.onCall, w.log
		asStack, err := awscfn.New(cloud.cfn, direct, stack)
		if err != nil {
			return wired{}, err
		}
		provider, out.template = asStack, asStack.Template
	}
	wake := make(chan struct{}, 1)
	out.loop = &reconcile.Loop{
		Config:   s.config(),
		Provider: provider,
		Reader:   from.reader(direct.SetOwner),
		Resync:   s.resync,
		Wake:     wake,
		DryRun:   s.dryRun,
		Report:   w.report,
		Now:      time.Now,
	}
	// What is held in memory is gone with the process; to remember it would be to miss it.
	if from.clusters != nil && s.provider != "inmemory" {
		home := from.clusters.Home(s.home)
		out.loop.Store = home
		if w.identity != "" && !s.dryRun {
			out.lease = home.Lease(w.identity)
			events := from.clusters.Events(home)
			out.loop.Tell, out.tell = events.Tell, events.Run
		}
	}
	if w.saw != nil {
		out.loop.Reader = watched{out.loop.Reader, w.saw}
	}
	if from.clusters != nil {
		out.watch = func(ctx context.Context) { from.clusters.Watch(ctx, wake) }
	}
	return out, nil
}

// watched is a reader whose readings somebody else sees too.
type watched struct {
	reconcile.Reader
	saw func(reconcile.Reading)
}

func (w watched) Read(ctx context.Context) reconcile.Reading {
	r := w.Reader.Read(ctx)
	w.saw(r)
	return r
}

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// cloud opens the API of one --provider. It makes no call yet.
type cloud func(context.Context, setup, *slog.Logger) (awsec2.API, error)

var clouds = map[string]cloud{
	"aws-ec2": func(ctx context.Context, _ setup, _ *slog.Logger) (awsec2.API, error) {
		return awsec2.NewClient(ctx, awsec2.ClientConfig{Program: program, Version: buildVersion()})
	},
	"inmemory": func(_ context.Context, s setup, _ *slog.Logger) (awsec2.API, error) {
		return inmemory.Seed(inMemory, s.tagKey, s.zoneNames()), nil
	},
}

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
}

// wire puts together what all commands need: a loop over a provider and a reader. It looks up the VPC, and it reads the
// manifests once, so that a set-up that cannot work ends the program and is not found in the log later.
func wire(ctx context.Context, s setup, open cloud, w wires) (*reconcile.Loop, error) {
	// This is the one place for where the lists come from; a cluster's goes here, and check's configmaps lets it pass.
	manifests := &kube.Manifests{Paths: s.configmaps, Namespaces: s.namespaces, Stdin: w.stdin, Log: w.log}
	if err := manifests.Check(); err != nil {
		return nil, err
	}
	var reader reconcile.Reader = manifests
	if w.saw != nil {
		reader = watched{reader, w.saw}
	}

	api, err := open(ctx, s, w.log)
	if err != nil {
		return nil, fmt.Errorf("--provider %q: %w", s.provider, err)
	}
	config := s.ec2()
	config.Now, config.OnCall, config.Log = time.Now, w.onCall, w.log
	provider, err := awsec2.New(ctx, api, config)
	if err != nil {
		return nil, err
	}
	return &reconcile.Loop{
		Config:   s.config(),
		Provider: provider,
		Reader:   reader,
		Resync:   s.resync,
		DryRun:   s.dryRun,
		Report:   w.report,
		Now:      time.Now,
	}, nil
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

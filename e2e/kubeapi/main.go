// Command kubeapi is the part of a Kubernetes control plane that the end-to-end tests need, in one binary: a cluster
// without nodes, whose API is the real one.
//
//	kubeapi [flags]                     a kube-apiserver, with its etcd in the same process
//	kubeapi controller-manager [flags]  a kube-controller-manager
//
// The flags are those of the two Kubernetes commands. Where etcd keeps its data, and on which ports of 127.0.0.1 it
// serves, is said by ETCD_DIR, ETCD_CLIENT_PORT and ETCD_PEER_PORT; --etcd-servers is set from that.
//
// It is a module of its own: Kubernetes' dependencies are not the controller's.
package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "controller-manager" {
		os.Exit(run(controllermanager.NewControllerManagerCommand(), args[1:]))
	}
	etcd, err := startEtcd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
	os.Exit(run(apiserver.NewAPIServerCommand(), append(args, "--etcd-servers="+etcd)))
}

func run(command *cobra.Command, args []string) int {
	command.SetArgs(args)
	return cli.Run(command)
}

// startEtcd returns the client URL of an etcd that is ready to serve. It ends with the process, hard: what it has
// acknowledged is on the disk, and being started again after that is what it is made for.
func startEtcd() (string, error) {
	dir := os.Getenv("ETCD_DIR")
	if dir == "" {
		// Its own choice would be a folder wherever this happens to be started.
		return "", errors.New("ETCD_DIR is not set")
	}
	client, err := loopback("ETCD_CLIENT_PORT")
	if err != nil {
		return "", err
	}
	peer, err := loopback("ETCD_PEER_PORT")
	if err != nil {
		return "", err
	}
	cfg := embed.NewConfig()
	cfg.Dir = dir
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = client, client
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peer, peer
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.LogLevel = "error"
	// Tests lose nothing by a power cut, and an fsync for each write is most of what a write costs.
	cfg.UnsafeNoFsync = true
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return client[0].String(), nil
	case err := <-etcd.Err():
		return "", err
	}
}

// loopback gives the URL of the port that an environment variable names. There is no default: several of these run on
// one machine, and whoever starts them has asked the kernel for free ports.
func loopback(env string) ([]url.URL, error) {
	port := os.Getenv(env)
	if port == "" {
		return nil, fmt.Errorf("%s is not set", env)
	}
	return []url.URL{{Scheme: "http", Host: "127.0.0.1:" + port}}, nil
}

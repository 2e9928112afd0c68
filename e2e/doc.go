// Package e2e tests the built program as a black box: against a real kube-apiserver, and against LocalStack with what
// makes it behave as AWS does (see localstack/awslike). It has tests only. They need the build tag e2e, so that everything
// else can be tested without servers, and what setup.sh makes; `make e2e` does both.
//
// The tests run side by side. Each has an AWS account of its own (see newSite) and a namespace or a whole cluster of its
// own. They wait by polling with a deadline, since real processes have real time, and never by sleeping for a while.
package e2e

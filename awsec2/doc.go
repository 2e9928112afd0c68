// Package awsec2 is the provider that calls the EC2 API directly.
//
// It does three things and decides nothing: it finds the site (the VPC, its internet gateway, its route tables), it
// observes what is there, ours told from foreign by tags, and it performs one planned action at a time. What should be
// there, and in which order it is reached, is decided in package reconcile.
package awsec2

package awsec2

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// token is a client token: with the same one, EC2 answers with what it made before instead of making another. It is a
// hash of all that is asked for, so a second controller, or this one after a crash, comes to the same token for the same
// wish, and to another one for another wish. The SDK's automatic token is new for each call and would protect nothing.
//
// 64 characters of ASCII are allowed (SDK, CreateNatGatewayInput.ClientToken): that is a SHA-256 in hex.
func token(parameters ...string) string {
	h := sha256.New()
	for _, p := range parameters {
		h.Write(fmt.Appendf(nil, "%d:%s,", len(p), p)) // with lengths, so that no two lists read alike
	}
	return hex.EncodeToString(h.Sum(nil))
}

// identity is the part of a token that says who asks.
func (p *Provider) identity(operation string) []string {
	return []string{operation, p.vpc, p.config.Cluster, p.config.Controller}
}

func (t tags) parameters() []string {
	var list []string
	for _, key := range sortedKeys(t) {
		list = append(list, key+"="+t[key])
	}
	return list
}

// tokenTries is how often a call is made with another token before it is given up for this pass.
const tokenTries = 3

// salted makes a call with a token, and again with another token when the answer shows that EC2 remembers this one for
// something else: a thing that has died since (EC2 answers with it for hours: aws-ebs-csi-driver, CreateDisk), or other
// parameters. try returns the id of what it got, and whether that is dead. The salt is what was dead, so a crash in
// between leads to the same tokens again.
func salted(parameters []string, try func(token string) (id string, dead bool, err error)) error {
	var err error
	for n := range tokenTries {
		var id string
		var dead bool
		id, dead, err = try(token(parameters...))
		switch {
		case IsParameterMismatch(err):
			parameters = append(parameters, fmt.Sprintf("mismatch %d", n))
		case err != nil || !dead:
			return err
		default:
			parameters = append(parameters, "after "+id)
			err = fmt.Errorf("EC2 still answers with %s, which is gone, to the client token number %d", id, n+1)
		}
	}
	return err
}

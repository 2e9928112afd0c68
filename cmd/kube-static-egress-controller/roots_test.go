package main

import (
	"crypto/x509"
	"testing"
)

// Without root certificates of its own the program reaches no AWS from an image that has no other file. That it has some
// shows in that nobody can set them any more: crypto/x509 lets them be set once.
func TestProgramBringsRootCertificates(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no root certificates are there for a system that has none")
		}
	}()
	x509.SetFallbackRoots(x509.NewCertPool())
}

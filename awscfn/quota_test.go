package awscfn_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A quota that the stack meets is told as what it is, once, as that of a call is. What fails for another reason is not.
func TestQuotaThatTheStackMeets(t *testing.T) {
	for code, want := range map[string]int{"AddressLimitExceeded": 1, "UnauthorizedOperation": 0} {
		t.Run(code, func(t *testing.T) {
			in(t, 1, func(w *world) {
				w.ec2.SetHook(func(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
					if inmemory.ByStack(ctx) != "" && phase == inmemory.Before && c.Operation == "AllocateAddress" {
						return &smithy.GenericAPIError{Code: code, Message: "The maximum number of addresses has been reached."}
					}
					return nil
				})
				told := 0
				w.loop.Tell = func(news []reconcile.News) {
					for _, n := range news {
						if n.Reason == "QuotaExceeded" {
							told++
						}
					}
				}
				w.values = map[string]string{"dns": "8.8.8.8"}
				w.run(20 * time.Minute)
				if told != want {
					t.Errorf("a quota is told %d times, want %d", told, want)
				}
			})
		})
	}
}

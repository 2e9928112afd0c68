package awscfn

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Config is what the provider needs to know. Stack is required.
type Config struct {
	Stack   string           // --stack-name
	Zones   []reconcile.Zone // those that are configured: room is kept for their egress paths
	Protect bool             // --stack-termination-protection: nobody deletes the stack by mistake
	Leave   bool             // the stack is to go as soon as it holds nothing but addresses, which it retains
	Bucket  Bucket           // where templates go that are too long for a call; nil: nowhere

	Now     func() time.Time // time.Now if nil
	Log     *slog.Logger     // nothing is logged if nil
	Timeout time.Duration    // the limit for each attempt of a call; 15s if zero
	// OnCall is told of each call, its error's code and how long it took, with all of its attempts. May be nil.
	OnCall func(operation, code string, took time.Duration)
}

// EC2 is what is seen and done with the EC2 API all the same: everything that exists is looked at through it, and what the
// stack does not hold, or holds and cannot mend, is changed through it.
type EC2 interface {
	Observe(context.Context) (reconcile.Observed, error)
	reconcile.Doer
	// TagsFor are the tags of what is made: those of a thing of that kind in that zone, or those of the stack itself.
	TagsFor(reconcile.Kind, reconcile.Zone) map[string]string
	// Identity are those of the tags that say whose a thing is (rule 1), the owner aside.
	Identity() map[string]string
}

// Bucket keeps a template where CloudFormation can read it.
type Bucket interface {
	// Put stores the text under that name and returns its URL, as CreateChangeSet takes it.
	Put(ctx context.Context, name string, text []byte) (url string, err error)
}

const defaultTimeout = 15 * time.Second

func (c Config) withDefaults() Config {
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

var stackNames = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

// CheckName says what is wrong with the name of a stack; nil if nothing is (CloudFormation API reference, CreateStack).
func CheckName(name string) error {
	if stackNames.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q cannot be the name of a stack: it has up to 128 letters, digits and dashes, and begins with a letter", name)
}

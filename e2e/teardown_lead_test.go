//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Beside a controller that leads nothing is taken down: it would be built again. As soon as that one has ended, all is.
func TestTeardownWhileAnotherLeads(t *testing.T) {
	t.Parallel()
	tr := newTroupe(t, sharedControlPlane(t))
	one := tr.replica("one")
	one.begin(t)
	tr.want.path(tr.cluster.owner(t), tr.site.zones...)
	tr.asks("the first routes", "first", "8.8.8.8/32")
	mark := one.calls.mark()
	end := tr.site.controller(t, tr.flags...).typing(clusterID + "\n")
	end.log += "-teardown"

	r := end.exec(t, "teardown")
	for _, words := range []string{"nothing was done", "one_" + tr.site.account + " leads", "stop it first"} {
		if r.code == 0 || !strings.Contains(r.stderr, words) {
			t.Errorf("beside one that leads it does not say %q: %v", words, r)
		}
	}
	tr.wants("nothing was to be taken down")
	if calls := one.wrote(mark); len(calls) > 0 {
		t.Errorf("the one that leads had something to mend: %v", calls)
	}

	waiting, err := start(end.command("teardown", "--timeout="+patience.String()), end.log)
	if err != nil {
		t.Fatal(err)
	}
	end.says(t, 0, `msg="another one leads" holder=one_`)
	tr.wants("it waits")
	one.running.terminate(t)
	eventually(t, func() error {
		if !waiting.ended() {
			return fmt.Errorf("the teardown goes on: %s", tail(end.log))
		}
		return nil
	})
	if code := waiting.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("exit %d\n%s", code, tail(end.log))
	}
	for _, zone := range tr.site.zones {
		tr.want.noRoute("dmz-"+zone, "8.8.8.8/32")
	}
	tr.want.noPath(tr.site.zones...)
	delete(tr.want, stackThing)
	tr.wants("the one that led has ended")
}

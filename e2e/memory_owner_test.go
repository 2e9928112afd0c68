//go:build e2e

package e2e

import (
	"maps"
	"strings"
	"testing"
)

// Two clusters with the same cluster id: the second changes nothing, until it is told that the first is lost.
func TestMemoryOfAnotherCluster(t *testing.T) {
	t.Parallel()
	site := newSite(t, zoneA)
	first := remember(t, site, sharedControlPlane(t))
	first.cluster.put(t, configMap(first.namespace, "partners", "dns=8.8.8.8"))
	first.build("8.8.8.8/32")
	built := site.observe(t).ids()

	second := remember(t, site, newControlPlane(t))
	second.want = maps.Clone(first.want)
	second.controller.log += "-second"
	second.cluster.put(t, configMap(second.namespace, "partners", "other=9.9.9.9"))
	lost := first.cluster.owner(t)
	second.start()
	second.says("--take-over=" + lost)
	second.stays("another cluster has the same cluster id")
	first.stays("and the first has not noticed")
	if report := second.kept(statusName).Data["report"]; !strings.Contains(report, lost) {
		t.Errorf("the status does not say whose it is:\n%s", report)
	}
	// Nor does one that reads manifests and belongs to no cluster (rule 16).
	nobodys := site.controller(t, "--configmaps="+examples(t))
	if plan := nobodys.exec(t, "plan"); plan.code == 0 || !strings.Contains(plan.stdout+plan.stderr, lost) {
		t.Errorf("a plan for manifests takes what is a cluster's: %v", plan)
	}

	first.running.kill(t)
	second.stays("the first is gone")
	second.running.terminate(t)
	second.want = pictureOf(site.snapshot(t))
	second.want.path(second.cluster.owner(t), zoneA)
	second.routes("9.9.9.9/32")
	second.noRoutes("8.8.8.8/32")
	second.start("--take-over=" + lost)
	second.becomes("the second takes over")
	if now := site.observe(t).ids(); now != built {
		t.Errorf("addresses or gateways are not those that were there:\n%s", difference(built, now))
	}

	first.want = second.want
	first.start()
	first.says("--take-over=" + second.cluster.owner(t))
	first.stays("the first comes back")
}

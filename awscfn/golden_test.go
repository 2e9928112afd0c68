package awscfn_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

var update = flag.Bool("update", false, "write testdata/*.template.json anew; read the difference before you commit it")

// The golden templates are those of stacks that stand, as CloudFormation gives them back. The end-to-end tests ask cfn-lint
// about the same files.
func TestGoldenTemplates(t *testing.T) {
	for name, c := range map[string]struct {
		zones int
		story func(*world)
	}{
		"one-zone":          {1, func(w *world) { w.values = map[string]string{"dns": "8.8.8.8"}; w.converge() }},
		"three-zones":       {3, threeZones},
		"kept-address":      {2, keptAddress},
		"brought-address":   {2, broughtAddress},
		"second-generation": {2, secondGeneration},
		"large":             {3, large},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.zones, func(w *world) {
				c.story(w)
				golden(t, name, w.template())
			})
		})
	}
}

// golden compares with a file; with -update it writes the file.
func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".template.json")
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s is stale (go test ./awscfn -run TestGoldenTemplates -update); the stack's template is\n%s", path, have)
	}
}

// Each file is one that a test writes: what is left over is compared with nothing.
func TestGoldenTemplatesAreSound(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.template.json"))
	if err != nil || len(paths) != 6 {
		t.Errorf("there are %d golden templates (%v)", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, string(text))
	}
}

// template is the stack's.
func (w *world) template() string {
	w.t.Helper()
	return *must[*cloudformation.GetTemplateOutput](w.t)(w.cfn.GetTemplate(w.t.Context(), &cloudformation.GetTemplateInput{StackName: aws.String(stackName)})).TemplateBody
}

// addTables adds DMZ route tables to a zone.
func (w *world) addTables(zone string, n int) {
	for i := range n {
		table := w.ec2.AddRouteTable(w.ec2.Snapshot().VPCs[0].ID, inmemory.Tags{tagKey: zone, "Name": fmt.Sprintf("dmz-%s-%d", zone, i+2)})
		w.ec2.AddRoute(table, inmemory.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: w.ec2.Snapshot().InternetGateways[0].ID})
	}
	w.ec2.Settle()
}

func threeZones(w *world) {
	w.cloud.Tags = map[string]string{"team": "networks, \"east\"", "cost-center": "0815"}
	w.addTables(string(zoneA), 1)
	w.addTables(string(zoneC), 2)
	w.start()
	w.values = map[string]string{"provider": "192.112.1.0/21", "dns": "8.8.8.8 8.8.4.4", "half": "193.0.0.0/17, 193.0.128.0/17"}
	w.converge()
}

// keptAddress: the stack was lost, and the next one takes up its addresses by their ids.
func keptAddress(w *world) {
	w.values = map[string]string{"dns": "8.8.8.8"}
	w.converge()
	w.deleteByHand()
	w.converge()
}

// bring allocates an address as a user does, who brings it to the first zone.
func (w *world) bring() string {
	w.t.Helper()
	id := *must[*ec2.AllocateAddressOutput](w.t)(w.ec2.AllocateAddress(w.t.Context(), &ec2.AllocateAddressInput{})).AllocationId
	w.config.Zones[0].Allocation = id
	return id
}

func broughtAddress(w *world) {
	w.bring()
	w.start()
	w.values = map[string]string{"dns": "8.8.8.8"}
	w.converge()
}

func secondGeneration(w *world) {
	w.values = map[string]string{"dns": "8.8.8.8"}
	w.converge()
	w.run(10 * time.Minute)
	must[*ec2.DeleteNatGatewayOutput](w.t)(w.ec2.DeleteNatGateway(w.t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(w.gateway(zoneA))}))
	w.converge()
}

// large fills a stack: with 3 zones and 12 tables there is room for 40 targets.
func large(w *world) {
	w.stack.Bucket = &w.bucket
	for _, z := range blocks {
		w.addTables(string(z.Zone), 3)
	}
	w.start()
	for i := range 40 {
		w.values[fmt.Sprintf("target-%02d", i)] = fmt.Sprintf("193.%d.0.0/24", 2*i)
	}
	w.converge()
}

package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
)

// statusFormat is the version of the status, for programs that read it.
const statusFormat = "1"

// StatusTexts is how things stand, for people and programs: texts by name. It has no time in it, so it changes when something
// does.
//
//   - formatVersion: of the rest.
//   - addresses: a line for each zone: its name and its address.
//   - report: what `run --once` prints.
//   - status.json: the same for programs: zones, conflicts, waiting, verdicts.
func StatusTexts(r Report) (map[string]string, error) {
	var addresses, report strings.Builder
	for _, z := range r.Zones {
		if z.PublicIP.IsValid() {
			fmt.Fprintf(&addresses, "%s %s\n", z.Zone, z.PublicIP)
		}
	}
	if err := WriteReport(&report, r); err != nil {
		return nil, err
	}
	d := docOf(r)
	doc, err := json.MarshalIndent(struct {
		FormatVersion string       `json:"formatVersion"`
		Zones         []zoneDoc    `json:"zones"`
		Conflicts     []thingDoc   `json:"conflicts"`
		Waiting       []thingDoc   `json:"waiting"`
		Verdicts      []verdictDoc `json:"verdicts"`
		Problems      []Problem    `json:"problems,omitempty"`
		Warnings      []string     `json:"warnings,omitempty"`
	}{statusFormat, d.Zones, d.Conflicts, d.Waiting, d.Verdicts, d.Problems, d.Warnings}, "", "  ")
	return map[string]string{
		"formatVersion": statusFormat, "addresses": addresses.String(), "report": report.String(), "status.json": string(doc) + "\n",
	}, err
}

package awsec2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func vpc(id, cidr, name string, isDefault bool) types.Vpc {
	v := types.Vpc{VpcId: aws.String(id), CidrBlock: aws.String(cidr), IsDefault: aws.Bool(isDefault)}
	if name != "" {
		v.Tags = []types.Tag{{Key: aws.String("Name"), Value: aws.String(name)}}
	}
	return v
}

func TestPickVPC(t *testing.T) {
	standard := vpc("vpc-d", "172.31.0.0/16", "", true)
	one, two := vpc("vpc-2", "10.2.0.0/16", "two", false), vpc("vpc-1", "10.1.0.0/16", "", false)
	for _, c := range []struct {
		name  string
		vpcs  []types.Vpc
		named string
		want  string // empty: an error, as in the golden file
	}{
		{"named", []types.Vpc{standard, one, two}, "vpc-2", "vpc-2"},
		{"default", []types.Vpc{one, two, standard}, "", "vpc-d"},
		{"only", []types.Vpc{one}, "", "vpc-2"},
		{"many", []types.Vpc{one, two}, "", ""},
		{"none", nil, "", ""},
		{"none-but-named", nil, "vpc-3", ""},
		{"wrongly-named", []types.Vpc{standard, one}, "vpc-3", ""}, // and not the default one
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := pickVPC(c.vpcs, c.named)
			if got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
			if err != nil {
				golden(t, "vpc-"+c.name, err.Error())
			}
		})
	}
}

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// inline is how many bytes of a template CloudFormation takes with a call.
const inline = 51_200

// A template becomes longer than what a call takes: what does not fit is refused, and all else is made (rule 14). With a
// bucket there is room for it.
func TestStackTooLong(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA)
	var targets []string
	for i := range 240 {
		targets = append(targets, fmt.Sprintf("20.%d.0.1/32", i))
	}
	s.claim(targets...)
	c := s.controller.with("AWS_ENDPOINT_URL=" + cloud.endpoint) // LocalStack knows its own buckets by its own address
	report := c.once(t).stdout
	s.want.stack("nobody")
	s.want.path("nobody", zoneA)
	var refused []string
	made := s.site.observe(t).targets()
	for _, target := range targets {
		if slices.Contains(made, target) {
			s.routes(target)
		} else {
			refused = append(refused, target)
		}
	}
	s.site.wantState(t, s.want.String())
	c.planWantsNothing(t) // one that is refused is nothing that could be done
	if length := len(s.template()); length > inline || length < inline*9/10 {
		t.Errorf("the template has %d bytes of %d", length, inline)
	}
	if len(refused) == 0 {
		t.Error("all fits, so nothing is tested")
	}
	for _, target := range refused {
		if !slices.ContainsFunc(strings.Split(report, "\n"), func(line string) bool {
			return strings.Contains(line, " "+target+" ") && strings.Contains(line, "--cf-template-bucket")
		}) {
			t.Errorf("the report does not say why there is no route to %s", target)
		}
	}
	t.Logf("%d of %d targets are refused", len(refused), len(targets))

	bucket := "templates-" + s.site.account
	buckets := s3.New(s3.Options{Region: region, BaseEndpoint: &cloud.endpoint, Credentials: s.site.credentials(), UsePathStyle: true})
	call(t, buckets.CreateBucket, &s3.CreateBucketInput{
		Bucket: &bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	c.flags = slices.Concat(c.flags, []string{"--cf-template-bucket=" + bucket, "--stack-termination-protection"})
	c.once(t)
	s.routes(targets...)
	s.want[stackThing+", protected"] = s.want[stackThing]
	delete(s.want, stackThing)
	s.site.wantState(t, s.want.String())
	c.planWantsNothing(t)
	kept := call(t, buckets.ListObjectsV2, &s3.ListObjectsV2Input{Bucket: &bucket}).Contents
	if length := len(s.template()); length <= inline || len(kept) != 1 || aws.ToInt64(kept[0].Size) != int64(length) {
		t.Errorf("the template has %d bytes, and in the bucket there is %v", length, kept)
	}
}

// targets are the prefixes that lead to a NAT gateway.
func (st state) targets() []string {
	var out []string
	for _, table := range st.RouteTables {
		for _, r := range table.Routes {
			if r.NatGatewayId != nil {
				out = append(out, aws.ToString(r.DestinationCidrBlock))
			}
		}
	}
	return out
}

// The protection comes and goes with its flag, whatever else there is to do; and what is protected nobody deletes.
func TestStackProtected(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA)
	s.build("8.8.8.8/32")
	open := s.controller
	closed := *open
	closed.flags = slices.Concat(open.flags, []string{"--stack-termination-protection"})
	lines := s.want[stackThing]
	delete(s.want, stackThing)
	s.want[stackThing+", protected"] = lines
	s.restart(&closed)
	s.becomes("it is protected")
	_, err := s.site.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(stackName)})
	wantCode(t, err, "ValidationError")
	s.site.wantState(t, s.want.String())

	delete(s.want, stackThing+", protected")
	s.want[stackThing] = lines
	s.restart(open)
	s.becomes("it is not protected any more")
}

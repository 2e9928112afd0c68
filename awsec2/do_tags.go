package awsec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// retag writes our owner onto what is ours by all other tags (rule 16): the one tag that is ever changed. Nothing is taken
// off, so there is no moment at which the thing is nobody's.
func (p *Provider) retag(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	if a.Before.Holder != reconcile.Ours || p.config.Owner == "" {
		return reconcile.Made{}, fmt.Errorf("%s does not carry our tags, or it is not known who owns it", a.Before.ID)
	}
	_, err := ask(ctx, p, "CreateTags", p.api.CreateTags, &ec2.CreateTagsInput{
		Resources: []string{a.Before.ID},
		Tags:      []types.Tag{{Key: aws.String(TagOwner), Value: aws.String(p.config.Owner)}},
	})
	return reconcile.Made{ID: a.Before.ID, Ready: true}, err
}

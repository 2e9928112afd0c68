package awscfn

// Statement is one statement of an IAM policy: it allows Actions on Resources where all Conditions hold. Conditions are
// listed by operator, and by key.
type Statement struct {
	Sid                string
	Actions, Resources []string
	Conditions         map[string]map[string][]string
}

// Statements are what a role must be allowed for one stack and its templates, and no more: those of an IAM policy, in an
// order that is always the same. Of the Config it takes the name of the stack; bucket is the name of the one for templates,
// empty if there is none. Nothing is looked up, and no account or region is named. What EC2 must allow is no part of it.
//
// Which action takes which resources and conditions is from the Service Authorization Reference ("Actions, resources, and
// condition keys for AWS CloudFormation"). TagResource and UntagResource are no calls, but rights to give a stack tags.
func Statements(c Config, bucket string) []Statement {
	stack := []string{"arn:*:cloudformation:*:*:stack/" + c.Stack + "/*"}
	statements := []Statement{
		{
			Sid: "ReadTheStack", Resources: stack,
			Actions: []string{
				"cloudformation:DescribeChangeSet", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks",
				"cloudformation:GetTemplate", "cloudformation:ListChangeSets",
			},
		},
		{
			Sid: "ChangeTheStackByOurChangeSets", Resources: stack,
			Actions: []string{"cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet"},
			Conditions: map[string]map[string][]string{
				"StringLike": {"cloudformation:ChangeSetName": {changeSetPrefix + "*"}},
			},
		},
		{
			Sid: "MendTheStack", Resources: stack,
			Actions: []string{
				"cloudformation:ContinueUpdateRollback", "cloudformation:DeleteStack", "cloudformation:RollbackStack",
				"cloudformation:TagResource", "cloudformation:UntagResource", "cloudformation:UpdateTerminationProtection",
			},
		},
	}
	if bucket != "" {
		statements = append(statements, Statement{
			Sid: "TemplatesInTheBucket", Actions: []string{"s3:GetObject", "s3:PutObject"},
			Resources: []string{"arn:*:s3:::" + bucket + "/" + c.Stack + "/" + changeSetPrefix + "*"},
		})
	}
	return statements
}

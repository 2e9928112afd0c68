package conformance

// Where a fact is from. These are cited often.
const (
	errorCodes   = "EC2 API reference, \"Error codes\""
	filterGuide  = "EC2 user guide, \"List and filter your resources\""
	tagGuide     = "EC2 user guide, \"Tag restrictions\""
	tokenGuide   = "EC2 API, \"Ensuring idempotency\""
	tablesGuide  = "VPC user guide, \"Route tables\""
	natGuide     = "VPC user guide, \"NAT gateways\""
	troubleGuide = "VPC user guide, \"Troubleshoot NAT gateways\""
	quotaGuide   = "VPC user guide, \"Amazon VPC quotas\""

	statusGuide    = "CloudFormation user guide, \"Stack status codes\""
	changeSetGuide = "CloudFormation user guide, \"Update stacks using change sets\""
	updateGuide    = "CloudFormation user guide, \"Update behaviors of stack resources\""
	continueGuide  = "CloudFormation user guide, \"Continue rolling back an update\""
	deletionGuide  = "CloudFormation template reference, \"DeletionPolicy attribute\""
	replaceGuide   = "CloudFormation template reference, \"UpdateReplacePolicy attribute\""
	tagsGuide      = "CloudFormation template reference, \"Resource tag\""
	stackQuotas    = "CloudFormation user guide, \"Understand CloudFormation quotas\""
)

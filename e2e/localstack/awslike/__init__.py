"""What makes LocalStack behave as AWS does, where a controller of NAT gateways, addresses, routes and stacks feels it.

Each module changes one side: ec2 the EC2 API, cfn what CloudFormation can make, rollback what it does when that fails.
Every change says what AWS does and what LocalStack does instead. They reach into LocalStack and moto by name, so they go
with the versions in constraints.txt; whoever raises those runs lifecycle.py.

What stays different from AWS is in EC2 what the table in conformance/differences.go says, which is tried in each run; and
lists never lag. CloudFormation has no RetainExceptOnCreate, no IMPORT, no drift and no ContinueUpdateRollback, makes one
resource after the other, and does not check a template's size in UpdateStack.
"""

from . import cfn, ec2, rollback, rules


def install():
    ec2.install()
    cfn.install()
    rollback.install()
    rules.serve()

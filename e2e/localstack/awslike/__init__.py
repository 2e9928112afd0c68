"""What makes LocalStack behave as AWS does, where a controller of NAT gateways, addresses, routes and stacks feels it.

Each module changes one side: ec2 the EC2 API, cfn what CloudFormation can make, rollback what it does when that fails.
Every change says what AWS does and what LocalStack does instead. They reach into LocalStack and moto by name, so they go
with the versions in constraints.txt; whoever raises those runs lifecycle.py.

What stays different from AWS, and matters here: DryRun executes some calls; there are no pages; the route "local" can be
replaced and deleted, and routes can be filtered by nothing but their targets; an internet gateway in use can be detached;
lists never lag. CloudFormation has no RetainExceptOnCreate, no IMPORT, no drift and no ContinueUpdateRollback, makes one
resource after the other, and does not check a template's size in UpdateStack.
"""

from . import cfn, ec2, rollback, rules


def install():
    ec2.install()
    cfn.install()
    rollback.install()
    rules.serve()

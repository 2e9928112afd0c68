"""What makes LocalStack behave as AWS does, where a controller of NAT gateways, addresses, routes and stacks feels it.

Each module changes one side: ec2 the EC2 API, cfn what CloudFormation can make, rollback what it does when that fails,
changesets what it says beforehand, stacks what it refuses. Every change says what AWS does and what LocalStack does instead.
They reach into LocalStack and moto by name, so they go with the versions in constraints.txt; whoever raises those runs
lifecycle.py.

What stays different from AWS is in EC2 what the table in conformance/differences.go says, which is tried in each run; and
lists never lag. CloudFormation has no IMPORT, no drift, no RollbackStack, no DisableRollback and no pages; it makes one
resource after the other; a change set is whole as soon as it is made; other tags of a stack alone are no change; and where
AWS's word is not known, a change of nothing but a policy is one, and the name of an executed change set stays taken.
"""

from . import cfn, changesets, ec2, rollback, rules, stacks


def install():
    ec2.install()
    cfn.install()
    rollback.install()
    changesets.install()
    stacks.install()
    rules.serve()

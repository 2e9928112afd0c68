"""How long things take and how many there may be: by account, so that tests that run side by side have rules each.

    PUT /_e2e/rules/ACCOUNT   {"nat_pending": 2, "routes": 10}
    GET /_e2e/process         tells this LocalStack from another that has its port
"""

import dataclasses
import json
import os

_rules = {}


@dataclasses.dataclass(frozen=True)
class Rules:
    nat_pending: float = 0  # seconds that a NAT gateway stays pending
    nat_deleting: float = 0  # seconds that it stays deleting
    cfn_step: float = 0  # seconds that CloudFormation takes for each resource
    addresses: int = 1000  # in a region
    subnets: int = 1000  # in a VPC
    tables: int = 1000  # in a VPC, the main one too
    gateways: int = 1000  # NAT gateways in a zone that are not deleted
    routes: int = 1000  # in a table, without the local one


def of(account):
    return _rules.get(account, Rules())


def serve():
    from localstack.services.edge import ROUTER

    def put(request, account):
        _rules[account] = Rules(**json.loads(request.get_data()))
        return dataclasses.asdict(_rules[account])

    def process(_):
        return {"pid": os.getpid()}

    ROUTER.add("/_e2e/process", process, methods=["GET"])
    ROUTER.add("/_e2e/rules/<account>", put, methods=["PUT"])

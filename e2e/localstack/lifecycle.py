"""Checks awslike: a stack's life, with what goes wrong in it. AWS_ENDPOINT_URL and the account come from the environment.

    AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_ACCESS_KEY_ID=123456789012 python lifecycle.py
"""

import json
import os
import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ONCE = Config(retries={"total_max_attempts": 1})
SESSION = boto3.Session(region_name="eu-central-1", aws_secret_access_key="secret", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"])
EC2, CFN = (SESSION.client(s, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=ONCE) for s in ("ec2", "cloudformation"))

A, B, C, TAKEN = "213.95.138.236/32", "198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"
TAGS = [{"Key": "owner", "Value": "e2e"}]
failed = []


def check(what, good, *evidence):
    print("ok  " if good else "FAIL", what, *([] if good else evidence))
    if not good:
        failed.append(what)


def template(routes, *, zones=2, through=None, retain=False, revision="v1", second_block="172.31.64.16/28"):
    """A stack such as ours: for each zone address, subnet, table, default route, association, gateway; for each of three
    tables the routes, through the gateway of its zone, or of the zone that through has for (table, route)."""
    resources, outputs = {}, {}

    def add(name, kind, more=None, **properties):
        resources[name] = {"Type": "AWS::EC2::" + kind, "Properties": properties, **(more or {})}

    for z in range(1, zones + 1):
        name = [{"Key": "Name", "Value": f"egress-{z}"}]
        tags = name + [{"Key": "revision", "Value": revision}]
        keep = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"} if retain else {}
        block = "172.31.64.0/28" if z == 1 else second_block
        add(f"Eip{z}", "EIP", keep, Domain="vpc", Tags=tags)
        add(f"Subnet{z}", "Subnet", VpcId=VPC, CidrBlock=block, AvailabilityZone="eu-central-1" + "abc"[z - 1], Tags=name)
        add(f"Table{z}", "RouteTable", VpcId=VPC, Tags=name)
        add(f"Default{z}", "Route", RouteTableId={"Ref": f"Table{z}"}, DestinationCidrBlock="0.0.0.0/0", GatewayId=IGW)
        add(f"Serves{z}", "SubnetRouteTableAssociation", RouteTableId={"Ref": f"Table{z}"}, SubnetId={"Ref": f"Subnet{z}"})
        add(
            f"Nat{z}", "NatGateway", {"DependsOn": [f"Default{z}", f"Serves{z}"]},
            SubnetId={"Ref": f"Subnet{z}"}, AllocationId={"Fn::GetAtt": [f"Eip{z}", "AllocationId"]}, Tags=tags,
        )
        outputs[f"Ip{z}"] = {"Value": {"Ref": f"Eip{z}"}}
        outputs[f"Allocation{z}"] = {"Value": {"Fn::GetAtt": [f"Eip{z}", "AllocationId"]}}
    for i, table in enumerate(TABLES, 1):
        for route in routes:
            gateway = (through or {}).get((i, route), min(i, zones))
            add(
                f"Route{i}x" + re.sub("[^0-9]", "x", route), "Route",
                RouteTableId=table, DestinationCidrBlock=route, NatGatewayId={"Ref": f"Nat{gateway}"},
            )
    return json.dumps({"Resources": resources, "Outputs": outputs})


def tag(thing, key):
    return next((t["Value"] for t in thing.get("Tags", []) if t["Key"] == key), None)


class State:
    """What EC2 has."""

    def __init__(self):
        in_vpc = [{"Name": "vpc-id", "Values": [VPC]}]
        gateways = [n for n in EC2.describe_nat_gateways()["NatGateways"] if n["State"] != "deleted"]
        names = {n["NatGatewayId"]: tag(n, "Name") for n in gateways}
        tables = EC2.describe_route_tables(Filters=in_vpc)["RouteTables"]
        subnets = EC2.describe_subnets(Filters=in_vpc)["Subnets"]
        self.addresses = sorted((tag(a, "Name"), tag(a, "revision"), "AssociationId" in a) for a in EC2.describe_addresses()["Addresses"])
        self.gateways = sorted((tag(n, "Name"), tag(n, "revision")) for n in gateways)
        self.subnets = sorted(s["CidrBlock"] for s in subnets if s["CidrBlock"].startswith("172.31.64."))
        self.tables = [t for t in tables if tag(t, "Name")]
        self.routes = [
            {r["DestinationCidrBlock"]: names.get(r.get("NatGatewayId")) for r in t["Routes"] if r.get("GatewayId") != "local"}
            for t in sorted(tables, key=lambda t: (TABLES + [t["RouteTableId"]]).index(t["RouteTableId"]))
            if t["RouteTableId"] in TABLES
        ]


def stack(name):
    """The stack, with a status that no stack has if there is none."""
    try:
        return CFN.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as e:
        return {"StackStatus": "GONE" if "does not exist" in str(e) else str(e)}


def ended(name):
    deadline = time.monotonic() + 60
    while (s := stack(name))["StackStatus"].endswith("IN_PROGRESS"):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return s


def apply(name, kind, body):
    """Creates and executes a change set; gives the stack at its end, or the change set if that failed."""
    change_set = f"change-{time.monotonic_ns()}"
    CFN.create_change_set(StackName=name, ChangeSetName=change_set, ChangeSetType=kind, TemplateBody=body, Tags=TAGS)
    while (c := CFN.describe_change_set(StackName=name, ChangeSetName=change_set))["Status"].endswith(("PENDING", "IN_PROGRESS")):
        time.sleep(0.05)
    if c["Status"] == "FAILED":
        return c
    CFN.execute_change_set(StackName=name, ChangeSetName=change_set)
    return ended(name)


def update(name, body):
    CFN.update_stack(StackName=name, TemplateBody=body, Tags=TAGS)
    return ended(name)


def delete(name):
    CFN.delete_stack(StackName=name)
    return ended(name)


def creation():
    s, st = apply("egress", "CREATE", template([A, B])), State()
    check("a stack is created", s["StackStatus"] == "CREATE_COMPLETE", s)
    check("addresses are tagged, and in use", st.addresses == [("egress-1", "v1", True), ("egress-2", "v1", True)], st.addresses)
    check("gateways are tagged", st.gateways == [("egress-1", "v1"), ("egress-2", "v1")], st.gateways)
    tagged = EC2.describe_tags(Filters=[{"Name": "key", "Values": ["owner"]}, {"Name": "value", "Values": ["e2e"]}])["Tags"]
    check("the stack's tags are on 2 addresses, gateways, subnets and tables", len(tagged) == 8, tagged)
    check("tables serve their subnets", all(len(t["Associations"]) == 1 for t in st.tables), st.tables)
    check("default routes lead out", all(any(r.get("GatewayId") == IGW for r in t["Routes"]) for t in st.tables), st.tables)
    one, two = {A: "egress-1", B: "egress-1"}, {A: "egress-2", B: "egress-2"}
    check("routes lead to their gateways", st.routes == [one, two, two], st.routes)
    outputs = {o["OutputKey"]: o["OutputValue"] for o in s.get("Outputs", [])}
    live = {a["AllocationId"]: a["PublicIp"] for a in EC2.describe_addresses()["Addresses"]}
    check("Ref is the address, GetAtt its id", live.get(outputs.get("Allocation1"), 0) == outputs.get("Ip1"), outputs, live)


def updates():
    s, st = apply("egress", "UPDATE", template([A, B, C])), State()
    check("a route is added", s["StackStatus"] == "UPDATE_COMPLETE" and C in st.routes[1], s, st.routes)
    apply("egress", "UPDATE", template([A, C]))
    st = State()
    check("a route is removed", B not in st.routes[0] and A in st.routes[0], st.routes)
    apply("egress", "UPDATE", template([A, C], through={(1, A): 2}))
    st = State()
    check("a route is replaced in place", st.routes[0] == {A: "egress-2", C: "egress-1"}, st.routes)
    before = {a["AllocationId"] for a in EC2.describe_addresses()["Addresses"]}
    apply("egress", "UPDATE", template([A, C], revision="v2"))
    st = State()
    check("tags are changed in place", [a[1] for a in st.addresses] + [g[1] for g in st.gateways] == ["v2"] * 4, st.addresses, st.gateways)
    check("and nothing is replaced", before == {a["AllocationId"] for a in EC2.describe_addresses()["Addresses"]} and len(st.gateways) == 2)
    c = apply("egress", "UPDATE", template([A, C], revision="v2"))
    check("no change is a change set that failed", c.get("Status") == "FAILED", c)


def failures():
    EC2.create_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN, GatewayId=IGW)
    s, st = apply("egress", "UPDATE", template([B, C, TAKEN], revision="v2")), State()
    check("a failed change set is rolled back", s["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", s)
    check("and leaves what was there", st.routes[1] == {A: "egress-2", C: "egress-2"}, st.routes)
    EC2.delete_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN)
    s, st = apply("egress", "UPDATE", template([B, C, TAKEN], revision="v2")), State()
    check("and works when nothing is in its way", s["StackStatus"] == "UPDATE_COMPLETE" and set(st.routes[1]) == {B, C, TAKEN}, s, st.routes)
    s, st = update("egress", template([A, C], revision="v2")), State()
    check("UpdateStack updates", s["StackStatus"] == "UPDATE_COMPLETE" and set(st.routes[1]) == {A, C}, s, st.routes)
    EC2.create_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN, GatewayId=IGW)
    s, st = update("egress", template([A, TAKEN], revision="v2")), State()
    check("UpdateStack is rolled back", s["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and set(st.routes[1]) == {A, C}, s, st.routes)
    EC2.delete_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN)


def retention():
    apply("egress", "UPDATE", template([C], revision="v2", retain=True))
    apply("egress", "UPDATE", template([C], revision="v2", retain=True, zones=1))
    st = State()
    check("a zone goes, its address stays", (len(st.addresses), len(st.gateways), st.subnets) == (2, 1, ["172.31.64.0/28"]), vars(st))
    s, st = delete("egress"), State()
    check("a stack goes", s["StackStatus"] == "GONE" and not (st.gateways or st.subnets or st.tables or any(st.routes)), s, vars(st))
    check("its addresses stay, free", [a[2] for a in st.addresses] == [False, False], st.addresses)
    apply("brief", "CREATE", template([A]))
    delete("brief")
    st = State()
    check("without Retain they go", len(st.addresses) == 2 and not (st.gateways or st.subnets or any(st.routes)), vars(st))


def stuck():
    s, st = apply("bad", "CREATE", template([A], second_block="10.0.0.0/28")), State()
    check("a failed creation is rolled back", s["StackStatus"] == "ROLLBACK_COMPLETE" and not st.subnets, s, st.subnets)
    try:
        c = apply("bad", "UPDATE", template([A]))
    except ClientError as e:
        c = {"Status": "FAILED", "StatusReason": str(e)}
    check("and cannot be updated", c.get("Status") == "FAILED", c)
    check("but be deleted", delete("bad")["StackStatus"] == "GONE", stack("bad"))

    apply("held", "CREATE", template([A]))
    mine = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in CFN.describe_stack_resources(StackName="held")["StackResources"]}
    others = EC2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    held = EC2.associate_route_table(RouteTableId=mine["Table1"], SubnetId=others[0]["SubnetId"])["AssociationId"]
    s = delete("held")
    check("a stack that is held cannot be deleted", s["StackStatus"] == "DELETE_FAILED", s)
    EC2.disassociate_route_table(AssociationId=held)
    s = delete("held")
    check("and can when it is let go", s["StackStatus"] == "GONE" and not State().tables, s)


VPC = next(v["VpcId"] for v in EC2.describe_vpcs()["Vpcs"] if v["IsDefault"])
IGW = EC2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
EC2.attach_internet_gateway(InternetGatewayId=IGW, VpcId=VPC)
TABLES = [EC2.create_route_table(VpcId=VPC)["RouteTable"]["RouteTableId"] for _ in range(3)]

for part in (creation, updates, failures, retention, stuck):
    part()
sys.exit(f"failed: {failed}" if failed else 0)

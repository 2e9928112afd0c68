"""Checks awslike: a stack's life, with what goes wrong in it. AWS_ENDPOINT_URL and the account come from the environment.

    AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_ACCESS_KEY_ID=123456789012 python lifecycle.py
"""

import json
import os
import re
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.handlers import json_decode_template_body

ONCE = Config(retries={"total_max_attempts": 1})
SESSION = boto3.Session(region_name="eu-central-1", aws_secret_access_key="secret", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"])
EC2, CFN, S3, RAW = (
    SESSION.client(s, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=ONCE) for s in ("ec2", "cloudformation", "s3", "cloudformation")
)
RAW.meta.events.unregister("after-call.cloudformation.GetTemplate", json_decode_template_body)

A, B, C, TAKEN = "213.95.138.236/32", "198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24"
TAGS = [{"Key": "owner", "Value": "e2e"}]
failed = []


def check(what, good, *evidence):
    print("ok  " if good else "FAIL", what, *([] if good else evidence))
    if not good:
        failed.append(what)


def template(routes, *, zones=2, through=None, retain=None, revision="v1", second_block="172.31.64.16/28", more=None, everywhere=False):
    """A stack such as ours: for each zone address, subnet, table, default route, association, gateway; for each of three
    tables the routes, through the gateway of its zone, or of the zone that through has for (table, route)."""
    resources, outputs = {}, {}

    def add(name, kind, more=None, **properties):
        resources[name] = {"Type": "AWS::EC2::" + kind, "Properties": properties, **(more or {})}

    for z in range(1, zones + 1):
        name = [{"Key": "Name", "Value": f"egress-{z}"}]
        tags = name + [{"Key": "revision", "Value": revision}]
        name = tags if everywhere else name
        keep = {"DeletionPolicy": retain, "UpdateReplacePolicy": "Retain"} if retain else {}
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
    return json.dumps({"Resources": {**resources, **(more or {})}, "Outputs": outputs})


def one(kind, policies=None, **properties):
    """A template with one resource."""
    return json.dumps({"Resources": {"One": {"Type": "AWS::EC2::" + kind, "Properties": properties, **(policies or {})}}})


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
        self.gateways = sorted(((tag(n, "Name"), tag(n, "revision")) for n in gateways), key=str)  # not all have a name
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


def propose(name, kind, body, **more):
    """Creates a change set, and gives it."""
    change_set = f"change-{time.monotonic_ns()}"
    CFN.create_change_set(StackName=name, ChangeSetName=change_set, ChangeSetType=kind, TemplateBody=body, Tags=TAGS, **more)
    while (c := CFN.describe_change_set(StackName=name, ChangeSetName=change_set))["Status"].endswith(("PENDING", "IN_PROGRESS")):
        time.sleep(0.05)
    return c


def apply(name, kind, body, **more):
    """Creates and executes a change set; gives the stack at its end, or the change set if that failed."""
    c = propose(name, kind, body)
    if c["Status"] == "FAILED":
        return c
    CFN.execute_change_set(StackName=name, ChangeSetName=c["ChangeSetName"], **more)
    return ended(name)


def changes(c):
    """What a change set would do: the action and whether it replaces, by logical id."""
    found = [x["ResourceChange"] for x in c["Changes"]]
    return {r["LogicalResourceId"]: (r["Action"], r.get("Replacement"), r.get("PolicyAction")) for r in found}


def refused(call, **arguments):
    """The code and message of an error."""
    try:
        call(**arguments)
    except ClientError as e:
        return f"{e.response['Error']['Code']}: {e.response['Error']['Message']}"
    return "not refused"


def outputs_of(s):
    return {o["OutputKey"]: o["OutputValue"] for o in s.get("Outputs", [])}


def physical(name):
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in CFN.describe_stack_resources(StackName=name)["StackResources"]}


def text_of(name, **more):
    """The text of a template as it came over the wire: boto3 would parse it."""
    return RAW.get_template(StackName=name, **more)["TemplateBody"]


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
    first, s = s["LastUpdatedTime"], apply("egress", "UPDATE", template([A, C]))
    check("a stack says when its last update began", s["CreationTime"] < first < s["LastUpdatedTime"], s, first)
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
    apply("egress", "UPDATE", template([C], revision="v2", retain="Retain"))
    apply("egress", "UPDATE", template([C], revision="v2", retain="Retain", zones=1))
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


def own_tags():
    s = apply("tags", "CREATE", template([A], zones=1))
    mine = physical("tags")
    allocation = outputs_of(s)["Allocation1"]
    wanted = lambda name: {
        "aws:cloudformation:stack-name": "tags", "aws:cloudformation:stack-id": s["StackId"], "aws:cloudformation:logical-id": name,
    }

    def have(thing):
        found = EC2.describe_tags(Filters=[{"Name": "resource-id", "Values": [thing]}])["Tags"]
        return {t["Key"]: t["Value"] for t in found if t["Key"].startswith("aws:")}

    things = {"Eip1": allocation, "Subnet1": mine["Subnet1"], "Table1": mine["Table1"], "Nat1": mine["Nat1"]}
    check("what a stack makes says so", all(have(t) == wanted(n) for n, t in things.items()), [have(t) for t in things.values()])
    by_stack = [{"Name": "tag:aws:cloudformation:stack-id", "Values": [s["StackId"]]}]
    check("and is found by it", len(EC2.describe_addresses(Filters=by_stack)["Addresses"]) == 1)
    apply("tags", "UPDATE", template([A], zones=1, revision="v2"))
    check("also after its tags changed", all(have(t) == wanted(n) for n, t in things.items()), [have(t) for t in things.values()])
    theirs = [{"Key": "aws:cloudformation:stack-name", "Value": "tags"}]
    spec = lambda kind: [{"ResourceType": kind, "Tags": theirs}]
    said = [
        refused(EC2.create_tags, Resources=[things["Subnet1"]], Tags=theirs),
        refused(EC2.delete_tags, Resources=[things["Subnet1"]], Tags=theirs),
        refused(EC2.allocate_address, TagSpecifications=spec("elastic-ip")),
        refused(EC2.create_route_table, VpcId=VPC, TagSpecifications=spec("route-table")),
        refused(EC2.create_subnet, VpcId=VPC, CidrBlock="172.31.64.64/28", TagSpecifications=spec("subnet")),
        refused(EC2.create_nat_gateway, SubnetId=things["Subnet1"], AllocationId=allocation, TagSpecifications=spec("natgateway")),
    ]
    check("nobody else writes such tags", all(m.startswith("InvalidParameterValue: Tag keys starting with 'aws:'") for m in said), said)
    delete("tags")


def policies():
    taken = lambda: EC2.create_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN, GatewayId=IGW)
    free = lambda: EC2.delete_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN)
    addresses = lambda: {a["AllocationId"] for a in EC2.describe_addresses()["Addresses"]}
    start = addresses()
    taken()
    s = apply("policy", "CREATE", template([TAKEN], zones=1, retain="RetainExceptOnCreate"))
    check("RetainExceptOnCreate: not kept when its creation is rolled back", s["StackStatus"] == "ROLLBACK_COMPLETE" and addresses() == start, s)
    delete("policy")
    apply("policy", "CREATE", template([TAKEN], zones=1, retain="Retain"))
    leaked = addresses() - start
    check("Retain: kept even then", len(leaked) == 1, leaked)
    delete("policy")
    apply("policy", "CREATE", template([TAKEN], zones=1, retain="Retain"), RetainExceptOnCreate=True)
    check("but for an execution that says otherwise", addresses() == start | leaked, addresses())
    delete("policy")
    apply("policy", "CREATE", template([A], zones=1, retain="RetainExceptOnCreate"))
    held = addresses() - start - leaked
    s = apply("policy", "UPDATE", template([A, TAKEN], retain="RetainExceptOnCreate"))
    check("so it is in an update", s["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and addresses() == start | leaked | held, s, addresses())
    free()
    delete("policy")
    check("and is kept when its stack goes", addresses() == start | leaked | held, addresses())

    apply("replaced", "CREATE", one("EIP", {"UpdateReplacePolicy": "Retain"}, Domain="vpc", NetworkBorderGroup="eu-central-1"))
    before = addresses()
    c = propose("replaced", "UPDATE", one("EIP", {"UpdateReplacePolicy": "Retain"}, Domain="vpc", NetworkBorderGroup="other"))
    check("a replacement is announced, and what becomes of the old one", changes(c) == {"One": ("Modify", "True", "ReplaceAndRetain")}, c["Changes"])
    CFN.execute_change_set(StackName="replaced", ChangeSetName=c["ChangeSetName"])
    ended("replaced")
    check("UpdateReplacePolicy keeps the old one", before < addresses() and len(addresses() - before) == 1, before, addresses())
    now = addresses()
    apply("replaced", "UPDATE", one("EIP", Domain="vpc", NetworkBorderGroup="eu-central-1"))
    check("without it the old one goes", len(addresses() - now) == 1 and len(now - addresses()) == 1, now, addresses())
    delete("replaced")
    for address in addresses() - start:
        EC2.release_address(AllocationId=address)


def unfinished():
    """A roll-back that fails: a route was changed, and what it was changed from is gone when that is to come back."""
    apply("undone", "CREATE", template([A, B]))
    mine, ip = physical("undone"), outputs_of(stack("undone"))
    old = text_of("undone")
    new = template([A, B], through={(1, A): 2, (1, B): 2}, more={
        "Waiting": {"Type": "AWS::EC2::NatGateway", "DependsOn": ROUTES, "Properties": {
            "SubnetId": {"Ref": "Subnet1"}, "ConnectivityType": "private",
        }},
        "Late": {"Type": "AWS::EC2::Route", "Properties": {
            "RouteTableId": TABLES[2], "DestinationCidrBlock": TAKEN, "NatGatewayId": {"Ref": "Waiting"},
        }},
    })
    EC2.create_route(RouteTableId=TABLES[2], DestinationCidrBlock=TAKEN, GatewayId=IGW)
    c = propose("undone", "UPDATE", new)
    want = {"Late": ("Add", None, None), "Waiting": ("Add", None, None), ROUTES[0]: ("Modify", "False", None), ROUTES[1]: ("Modify", "False", None)}
    check("a route to another gateway is changed in place", changes(c) == want, changes(c))
    delete_one = lambda prefix: EC2.delete_route(RouteTableId=TABLES[0], DestinationCidrBlock=prefix)
    rule(nat_pending=3600)  # until it is told otherwise, the stack waits for the gateway that comes after the routes
    CFN.execute_change_set(StackName="undone", ChangeSetName=c["ChangeSetName"])
    deadline = time.monotonic() + 30
    while State().routes[0] != {A: "egress-2", B: "egress-2"} and time.monotonic() < deadline:
        time.sleep(0.02)
    check("no change set is made while a stack changes", "UPDATE_IN_PROGRESS state and can not be updated" in (m := refused(
        CFN.create_change_set, StackName="undone", ChangeSetName="early", TemplateBody=old)), m)
    check("nor is it deleted then", "cannot be deleted while in status UPDATE_IN_PROGRESS" in (m := refused(CFN.delete_stack, StackName="undone")), m)
    delete_one(A)
    delete_one(B)
    rule()
    s = ended("undone")
    check("a roll-back that fails says so", s["StackStatus"] == "UPDATE_ROLLBACK_FAILED", s)
    check("and for what", all(name in s.get("StackStatusReason", "") for name in ROUTES[:2]), s)
    check("nothing can be changed then", "UPDATE_ROLLBACK_FAILED state" in (m := refused(
        CFN.create_change_set, StackName="undone", ChangeSetName="early", TemplateBody=old)), m)
    latest = {}
    for e in CFN.describe_stack_events(StackName="undone")["StackEvents"]:
        latest.setdefault(e["LogicalResourceId"], e["ResourceStatus"])
    check("the events say which", {n for n, status in latest.items() if status == "UPDATE_FAILED"} == set(ROUTES[:2]), latest)
    goes_on = lambda **more: (CFN.continue_update_rollback(StackName="undone", **more), ended("undone")["StackStatus"])[1]
    check("going on fails for the same reason", goes_on() == "UPDATE_ROLLBACK_FAILED", stack("undone"))
    EC2.create_route(RouteTableId=TABLES[0], DestinationCidrBlock=A, NatGatewayId=mine["Nat2"])
    check("only what failed can be skipped", "ValidationError" in (m := refused(
        CFN.continue_update_rollback, StackName="undone", ResourcesToSkip=["Nat1"])), m)
    check("what is skipped is passed over", goes_on(ResourcesToSkip=[ROUTES[1]]) == "UPDATE_ROLLBACK_COMPLETE", stack("undone"))
    check("what is not is put right", State().routes[0] == {A: "egress-1"}, State().routes)
    check("the old template and outputs hold", text_of("undone") == old and outputs_of(stack("undone")) == ip, text_of("undone"))
    check("there is no more to go on with", "ValidationError" in (m := refused(CFN.continue_update_rollback, StackName="undone")), m)
    EC2.delete_route(RouteTableId=TABLES[2], DestinationCidrBlock=TAKEN)
    s = apply("undone", "UPDATE", template([A]))
    check("and the stack can be updated again", s["StackStatus"] == "UPDATE_COMPLETE", s)
    delete("undone")


def sizes():
    too_much = lambda n: json.dumps({"Resources": {f"E{i}": {"Type": "AWS::EC2::EIP"} for i in range(n)}})
    small = one("EIP", Domain="vpc")
    large = small + " " * (51_201 - len(small))
    accents = small[:-1] + " " * (51_190 - len(small)) + "}" + "\n" * 10
    wide = json.dumps({"Description": "é" * 25_700, **json.loads(small)}, ensure_ascii=False)
    apply("size", "CREATE", small)
    said = [
        refused(CFN.create_stack, StackName="size2", TemplateBody=large),
        refused(CFN.update_stack, StackName="size", TemplateBody=large),
        refused(CFN.create_change_set, StackName="size", ChangeSetName="large", TemplateBody=large),
        refused(CFN.create_change_set, StackName="size", ChangeSetName="wide", TemplateBody=wide),
    ]
    check("templates of more than 51,200 bytes are refused", all("less than or equal to 51200" in m for m in said), [m[-200:] for m in said])
    m = refused(CFN.create_change_set, StackName="size", ChangeSetName="many", TemplateBody=too_much(501))
    check("and of more than 500 resources", "Number of resources, 501, is greater than maximum allowed, 500" in m, m)
    S3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key, body in (("large", large), ("huge", small + " " * 1_048_576)):
        S3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    url = os.environ["AWS_ENDPOINT_URL"] + f"/{BUCKET}/"
    m = refused(CFN.create_change_set, StackName="size", ChangeSetName="huge", TemplateURL=url + "huge")
    check("and of more than 1 MiB in a bucket", "1048576" in m, m)
    CFN.create_change_set(StackName="size", ChangeSetName="large", TemplateURL=url + "large")
    check("those between come from a bucket", text_of("size", ChangeSetName="large") == large)
    delete("size")
    check("a template of the largest size is none too large", apply("size", "CREATE", accents)["StackStatus"] == "CREATE_COMPLETE")
    check("and comes back as it went", text_of("size") == accents, text_of("size")[:200])
    delete("size")


def proposals():
    body = "\n" + template([A]).replace("{", "{ ", 3).replace('"egress-1"', '"\\u0065gress-1"') + "\n\n"
    c = propose("plan", "CREATE", body)
    check("a stack with a first change set is under review", stack("plan")["StackStatus"] == "REVIEW_IN_PROGRESS", stack("plan"))
    check("which adds", set(changes(c).values()) == {("Add", None, None)} and len(c["Changes"]) == 15, changes(c))
    CFN.delete_change_set(StackName="plan", ChangeSetName=c["ChangeSetName"])
    check("without it the stack stays under review", stack("plan")["StackStatus"] == "REVIEW_IN_PROGRESS", stack("plan"))
    check("and can be deleted", delete("plan")["StackStatus"] == "GONE", stack("plan"))

    apply("plan", "CREATE", body)
    check("a template comes back as it went", text_of("plan") == body, text_of("plan"))
    c = propose("plan", "UPDATE", body)
    check("no changes are a failure", (c["Status"], c["ExecutionStatus"], c["StatusReason"]) == ("FAILED", "UNAVAILABLE", NO_CHANGE), c)
    listed = CFN.list_change_sets(StackName="plan")["Summaries"]
    check("which is listed", "FAILED" in [x["Status"] for x in listed], listed)
    m = refused(CFN.create_change_set, StackName="plan", ChangeSetName=c["ChangeSetName"], TemplateBody=body)
    check("a name is taken until its change set is deleted", m.startswith("AlreadyExistsException"), m)
    CFN.delete_change_set(StackName="plan", ChangeSetName=c["ChangeSetName"])
    m = refused(CFN.describe_change_set, StackName="plan", ChangeSetName=c["ChangeSetName"])
    check("a deleted change set is not found", m.startswith("ChangeSetNotFound"), m)

    resources = lambda text: json.loads(text)["Resources"]
    changed = lambda name, **properties: json.dumps({**json.loads(body), "Resources": {
        n: {**r, "Properties": {**r["Properties"], **(properties if n == name else {})}} for n, r in resources(body).items()
    }})
    tags, replaced, in_place = [{"Key": "new", "Value": "tag"}], ("Modify", "True", "ReplaceAndDelete"), ("Modify", "False", None)
    for what, name, properties, want in (
        ("a route's gateway: in place", ROUTES[0], {"NatGatewayId": {"Ref": "Nat2"}}, in_place),
        ("a route's table: replacement", ROUTES[0], {"RouteTableId": TABLES[1]}, replaced),
        ("a route's prefix: replacement", ROUTES[0], {"DestinationCidrBlock": C}, replaced),
        ("a gateway's subnet: replacement", "Nat1", {"SubnetId": {"Ref": "Subnet2"}}, replaced),
        ("a gateway's address: replacement", "Nat1", {"AllocationId": {"Fn::GetAtt": ["Eip2", "AllocationId"]}}, replaced),
        ("a gateway's address by its id: replacement", "Nat1", {"AllocationId": "eipalloc-0123456789abcdef0"}, replaced),
        ("a subnet's block: replacement", "Subnet1", {"CidrBlock": "172.31.64.32/28"}, replaced),
        ("a table's VPC: replacement", "Table1", {"VpcId": "vpc-0123456789abcdef0"}, replaced),
        ("an association's table: replacement", "Serves1", {"RouteTableId": {"Ref": "Table2"}}, replaced),
        ("an address's domain: replacement", "Eip1", {"Domain": "standard"}, replaced),
        ("an address's tags: in place", "Eip1", {"Tags": tags}, in_place),
        ("a gateway's tags: in place", "Nat1", {"Tags": tags}, in_place),
        ("a subnet's tags: in place", "Subnet1", {"Tags": tags}, in_place),
        ("a table's tags: in place", "Table1", {"Tags": tags}, in_place),
    ):
        found = changes(c := propose("plan", "UPDATE", changed(name, **properties)))
        only = {name} if want == in_place else set(found)
        check(what, found.get(name) == want and set(found) == only, found)
        if want == in_place:
            detail = next(x["ResourceChange"] for x in c["Changes"])
            check("and says why", (detail["Scope"], len(detail["Details"])) == (["Tags" if "Tags" in properties else "Properties"], 1), detail)
    found = changes(propose("plan", "UPDATE", template([A], revision="v3", everywhere=True)))
    tagged = {f"{kind}{z}": in_place for kind in ("Eip", "Subnet", "Table", "Nat") for z in (1, 2)}
    check("other tags on everything are changed in place", found == tagged, found)
    found = changes(propose("plan", "UPDATE", changed("Subnet1", CidrBlock="172.31.64.32/28")))
    perhaps = ("Modify", "Conditional", "ReplaceAndDelete")
    want = {"Subnet1": replaced, "Serves1": perhaps, "Nat1": perhaps, ROUTES[0]: in_place}
    check("what refers to what is replaced may be", found == want, found)
    c = propose("plan", "UPDATE", template([], zones=1, retain="Retain"))
    gone = {n: x for n, x in changes(c).items() if x[0] == "Remove"}
    check("what goes is removed", set(gone) == set(resources(body)) - set(resources(template([], zones=1))) and set(gone.values()) == {("Remove", None, "Delete")}, gone)
    check("and a policy alone is a change in place", changes(c).get("Eip1") == in_place, changes(c))

    kept = propose("plan", "UPDATE", template([A, B]))
    s = apply("plan", "UPDATE", template([A, C]))
    check("what is executed makes other change sets worthless", len(CFN.list_change_sets(StackName="plan")["Summaries"]) == 1 and refused(
        CFN.execute_change_set, StackName="plan", ChangeSetName=kept["ChangeSetName"]).startswith("ChangeSetNotFound"))
    check("outputs stay", set(outputs_of(s)) == {"Ip1", "Ip2", "Allocation1", "Allocation2"}, outputs_of(s))
    before = outputs_of(s)
    s = apply("plan", "UPDATE", template([A], zones=1))
    check("outputs go with their zone", outputs_of(s) == {k: before[k] for k in ("Ip1", "Allocation1")}, outputs_of(s))
    s = apply("plan", "UPDATE", template([A]))
    check("and come with it", len(outputs_of(s)) == 4 and outputs_of(s)["Ip1"] == before["Ip1"] and outputs_of(s)["Ip2"] != before["Ip2"], outputs_of(s))
    gateways = lambda: {n["NatGatewayId"] for n in EC2.describe_nat_gateways()["NatGateways"] if n["State"] != "deleted"}
    there = gateways()
    s, st = apply("plan", "UPDATE", template([A], revision="v3", everywhere=True)), State()
    check("and so it comes", gateways() == there and [g[1] for g in st.gateways] == ["v3", "v3"], there, gateways(), st.gateways)
    delete("plan")


def events():
    body = template([A])
    apply("told", "CREATE", body)
    EC2.create_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN, GatewayId=IGW)
    new = template([A, TAKEN])
    s = apply("told", "UPDATE", new, ClientRequestToken="second")
    EC2.delete_route(RouteTableId=TABLES[0], DestinationCidrBlock=TAKEN)
    check("a roll-back gives the old template back", text_of("told") == body, text_of("told"))
    check("such a stack is not gone", "DeletionTime" not in s, s)
    found = CFN.describe_stack_events(StackName="told")["StackEvents"]
    times = [e["Timestamp"] for e in found]
    check("events come newest first", times == sorted(times, reverse=True) and found[0]["ResourceStatus"] == "UPDATE_ROLLBACK_COMPLETE", found[0])
    first = [e for e in found if e["ResourceStatus"].endswith("_FAILED")]
    name = "Route1x" + re.sub("[^0-9]", "x", TAKEN)
    check("the one that failed is named", [(e["LogicalResourceId"], e["ResourceStatus"], e["ResourceType"]) for e in first] == [(name, "CREATE_FAILED", "AWS::EC2::Route")], first)
    check("with the reason", "already exists" in first[0]["ResourceStatusReason"] and "HandlerErrorCode: AlreadyExists" in first[0]["ResourceStatusReason"], first)
    began = next(e for e in found if e["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS")
    check("the stack names it too", name in began["ResourceStatusReason"] and "failed to create" in began["ResourceStatusReason"], began)
    second = [e for e in found if e.get("ClientRequestToken") == "second"]
    check("an operation's events carry its token", second and second == found[: len(second)] and second[-1]["ResourceStatus"] == "UPDATE_IN_PROGRESS", second[-1:])
    c = propose("told", "UPDATE", template([A, B]))
    check("a change set leaves the status of a stack that was rolled back", stack("told")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stack("told"))
    gone = physical("told")["Route1x" + re.sub("[^0-9]", "x", A)].split("|")
    EC2.delete_route(RouteTableId=gone[0], DestinationCidrBlock=gone[1])
    s = apply("told", "UPDATE", template([A], through={(1, A): 2}))
    check("what is gone cannot be changed", s["StackStatus"] in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"), s)

    CFN.update_termination_protection(StackName="told", EnableTerminationProtection=True)
    m = refused(CFN.delete_stack, StackName="told")
    check("a protected stack cannot be deleted", "TerminationProtection is enabled" in m and stack("told")["EnableTerminationProtection"], m)
    CFN.update_termination_protection(StackName="told", EnableTerminationProtection=False)
    check("and can when it is not protected any more", delete("told")["StackStatus"] == "GONE", stack("told"))


def rule(**rules):
    """Sets the account's rules from now on: see awslike/rules.py."""
    url = os.environ["AWS_ENDPOINT_URL"] + "/_e2e/rules/" + os.environ["AWS_ACCESS_KEY_ID"]
    urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(rules).encode(), method="PUT")).close()


NO_CHANGE = "The submitted information didn't contain changes. Submit different information to create a change set."
ROUTES = ["Route1x" + re.sub("[^0-9]", "x", prefix) for prefix in (A, B)]
BUCKET = "templates-" + os.environ["AWS_ACCESS_KEY_ID"]
VPC = next(v["VpcId"] for v in EC2.describe_vpcs()["Vpcs"] if v["IsDefault"])
IGW = EC2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
EC2.attach_internet_gateway(InternetGatewayId=IGW, VpcId=VPC)
TABLES = [EC2.create_route_table(VpcId=VPC)["RouteTable"]["RouteTableId"] for _ in range(3)]

for part in (creation, updates, failures, retention, stuck, own_tags, policies, unfinished, sizes, proposals, events):
    part()
sys.exit(f"failed: {failed}" if failed else 0)

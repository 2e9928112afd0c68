"""What CloudFormation can make. LocalStack knows no AWS::EC2::EIP, drops the target of an AWS::EC2::Route and the tags of an
AWS::EC2::NatGateway, reports success for changes in place that it does not make, and for those of a thing that is gone,
and copies neither a stack's tags nor writes CloudFormation's own."""

import uuid

from botocore.exceptions import ClientError
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor as Executor,
)
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceProviderExecutor,
    convert_payload,
)
from localstack.services.ec2.resource_providers.aws_ec2_natgateway import EC2NatGatewayProvider
from localstack.services.ec2.resource_providers.aws_ec2_routetable import EC2RouteTableProvider
from localstack.services.ec2.resource_providers.aws_ec2_subnet import EC2SubnetProvider
from localstack.services.ec2.resource_providers.aws_ec2_subnetroutetableassociation import (
    EC2SubnetRouteTableAssociationProvider,
)

from .ec2 import expecting

TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "VpcEndpointId",
    "InstanceId",
    "CarrierGatewayId",
)


def schema(name, ident, create_only, read_only):
    def paths(*names):
        return [f"/properties/{n}" for n in names]

    return {
        "typeName": name,
        "properties": {},
        "primaryIdentifier": paths(ident),
        "createOnlyProperties": paths(*create_only),
        "readOnlyProperties": paths(*read_only),
    }


def done(request, model):
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model, custom_context=request.custom_context)


def spec(kind, model):
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": model["Tags"]}]} if model.get("Tags") else {}


def retag(ec2, resource, old, new):
    kept = {t["Key"] for t in new.get("Tags") or []}
    gone = [{"Key": t["Key"]} for t in old.get("Tags") or [] if t["Key"] not in kept]
    if gone:
        ec2.delete_tags(Resources=[resource], Tags=gone)
    if new.get("Tags"):
        ec2.create_tags(Resources=[resource], Tags=new["Tags"])


def keep(request, *ids):
    """Changes in place: that is the tags. The read-only properties, the resource's id first, stay."""
    old, model = request.previous_state, dict(request.desired_state)
    model |= {k: old[k] for k in ids}
    retag(request.aws_client_factory.ec2, model[ids[0]], old, model)
    return done(request, model)


class EIP(ResourceProvider):
    TYPE = "AWS::EC2::EIP"
    SCHEMA = schema(
        TYPE,
        "PublicIp",
        ("Domain", "NetworkBorderGroup", "TransferAddress", "Address", "IpamPoolId"),
        ("PublicIp", "AllocationId"),
    )

    def create(self, request):
        model, ec2 = dict(request.desired_state), request.aws_client_factory.ec2
        out = ec2.allocate_address(Domain=model.get("Domain") or "vpc", **spec("elastic-ip", model))
        return done(request, model | {"AllocationId": out["AllocationId"], "PublicIp": out["PublicIp"]})

    def update(self, request):
        return keep(request, "AllocationId", "PublicIp")

    def delete(self, request):
        ec2 = request.aws_client_factory.ec2
        ec2.release_address(AllocationId=request.desired_state["AllocationId"])
        return done(request, {})


class Route(ResourceProvider):
    TYPE = "AWS::EC2::Route"
    KEY = ("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    SCHEMA = schema(TYPE, "Id", KEY, ("Id",))

    def pick(self, model, names):
        return {k: model[k] for k in names if model.get(k)}

    def create(self, request):
        model = dict(request.desired_state)
        request.aws_client_factory.ec2.create_route(**self.pick(model, self.KEY + TARGETS))
        return done(request, model | {"Id": "|".join(self.pick(model, self.KEY).values())})

    def update(self, request):
        model = dict(request.desired_state) | {"Id": request.previous_state["Id"]}
        request.aws_client_factory.ec2.replace_route(**self.pick(model, self.KEY + TARGETS))
        return done(request, model)

    def delete(self, request):
        ec2 = request.aws_client_factory.ec2
        ec2.delete_route(**self.pick(request.desired_state, self.KEY))
        return done(request, {})


class Nat(EC2NatGatewayProvider):
    def create(self, request):
        model, ec2 = request.desired_state, request.aws_client_factory.ec2
        if model.get("NatGatewayId"):
            return super().create(request)  # asked again: it waits while the gateway is pending
        args = {k: model[k] for k in ("SubnetId", "AllocationId", "ConnectivityType") if model.get(k)}
        made = ec2.create_nat_gateway(**args, **spec("natgateway", model))
        model["NatGatewayId"] = made["NatGateway"]["NatGatewayId"]
        request.custom_context["repeated_invocation"] = True
        return ProgressEvent(OperationStatus.IN_PROGRESS, resource_model=model, custom_context=request.custom_context)

    def update(self, request):
        return keep(request, "NatGatewayId")


class Subnet(EC2SubnetProvider):
    def update(self, request):
        return keep(request, "SubnetId")


class RouteTable(EC2RouteTableProvider):
    def update(self, request):
        return keep(request, "RouteTableId")

    def delete(self, request):
        """LocalStack swallows every error, so that a table in use stays behind and nobody knows."""
        ec2 = request.aws_client_factory.ec2
        ec2.delete_route_table(RouteTableId=request.previous_state["RouteTableId"])
        return done(request, {})


class Association(EC2SubnetRouteTableAssociationProvider):
    def delete(self, request):
        """LocalStack swallows every error."""
        request.aws_client_factory.ec2.disassociate_route_table(AssociationId=request.desired_state["Id"])
        return done(request, {})


TAGGED = {
    "AWS::EC2::EIP": EIP,
    "AWS::EC2::NatGateway": Nat,
    "AWS::EC2::RouteTable": RouteTable,
    "AWS::EC2::Subnet": Subnet,
}
PROVIDERS = TAGGED | {"AWS::EC2::Route": Route, "AWS::EC2::SubnetRouteTableAssociation": Association}


def stack_tags(old):
    """Copies the stack's tags to the resources; a resource's own come first. CloudFormation's own tags say whose each is."""

    def payload(self, action, logical_resource_id, resource_type, before_properties, after_properties):
        p = old(self, action, logical_resource_id, resource_type, before_properties, after_properties)
        data, stack = p["requestData"], self._change_set.stack
        if resource_type in TAGGED and str(action) != "Remove":
            ours = {"stack-name": stack.stack_name, "stack-id": stack.stack_id, "logical-id": logical_resource_id}
            tags = data["resourceProperties"].get("Tags") or []
            keys = {t["Key"] for t in tags}
            more = (stack.tags or []) + [{"Key": f"aws:cloudformation:{k}", "Value": v} for k, v in ours.items()]
            tags = tags + [t for t in more if t["Key"] not in keys]
            data["resourceProperties"] = {**data["resourceProperties"], "Tags": tags}
        return p

    return payload


def reason(error):
    """What a resource handler of AWS says when a call of its fails."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    kinds = {"AlreadyExists": "AlreadyExists", "NotFound": "NotFound", "LimitExceeded": "ServiceLimitExceeded"}
    kind = next((kind for end, kind in kinds.items() if code.endswith(end)), "InvalidRequest")
    request = f"(Service: Ec2, Status Code: 400, Request ID: {uuid.uuid4()})"
    return f'Resource handler returned message: "{message} {request}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {kind})'


def call(old):
    """Carries out one action, AWS's own tags with it. What is gone cannot be changed, but is deleted: to
    LocalStack a change of what is gone is a success, and each other failure is one "to delete"."""

    def execute_action(self, provider, payload):
        if payload["resourceType"] not in PROVIDERS:
            return old(self, provider, payload)
        method = {"Add": provider.create, "Modify": provider.update, "Remove": provider.delete}[payload["action"]]
        try:
            with expecting(payload["requestData"]["resourceProperties"].get("Tags") or []):
                return method(convert_payload(self.stack_name, self.stack_id, payload))
        except ClientError as e:
            if payload["action"] == "Remove" and "NotFound" in e.response["Error"]["Code"]:
                return ProgressEvent(OperationStatus.SUCCESS, resource_model={})
            return ProgressEvent(OperationStatus.FAILED, resource_model={}, message=reason(e))

    return execute_action


def install():
    Executor.create_resource_provider_payload = stack_tags(Executor.create_resource_provider_payload)
    ResourceProviderExecutor.execute_action = call(ResourceProviderExecutor.execute_action)
    load = ResourceProviderExecutor.try_load_resource_provider

    def ours_first(kind):
        return PROVIDERS[kind]() if kind in PROVIDERS else load(kind)

    ResourceProviderExecutor.try_load_resource_provider = staticmethod(ours_first)

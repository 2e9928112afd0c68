"""The EC2 API, which LocalStack takes from moto. Each wrapper below begins with what AWS does; moto does less."""

import contextlib
import functools
import inspect
import ipaddress
import threading
import time

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError, InvalidSubnetRangeError, RouteAlreadyExistsError
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend as Addresses
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.nat_gateways import NatGatewayBackend as Gateways
from moto.ec2.models.route_tables import RouteBackend as Tables
from moto.ec2.models.subnets import SubnetBackend as Subnets
from moto.ec2.responses import EC2Response
from moto.ec2.responses import nat_gateways as gateway_responses
from moto.ec2.responses import route_tables as table_responses
from moto.ec2.utils import is_filter_matching

from . import rules


def wrap(cls, *methods):
    """Puts the decorated function around methods of a class. It is given the old method, bound, and then the arguments
    by name, since callers pass them in either way."""

    def decorate(around):
        for method in methods:
            old = getattr(cls, method)
            signature = inspect.signature(old)

            @functools.wraps(old)
            def wrapped(self, *args, _old=old, _signature=signature, **kwargs):
                arguments = dict(_signature.bind(self, *args, **kwargs).arguments)
                arguments.pop("self", None)
                more = arguments.pop("kwargs", {})
                return around(self, functools.partial(_old, self), **arguments, **more)

            setattr(cls, method, wrapped)
        return around

    return decorate


# The sets of AWS's own tags that CloudFormation is writing just now. LocalStack's own calls come over the wire as all others
# do, so it is by these that they are known.
expected = set()


def aws_tags(tags):
    return frozenset((t["Key"], t.get("Value")) for t in tags if t["Key"].lower().startswith("aws:"))


@contextlib.contextmanager
def expecting(tags):
    wanted = aws_tags(tags)
    expected.add(wanted)
    try:
        yield
    finally:
        expected.discard(wanted)


class State:
    """A gateway is pending before it is available, and deleting before it is deleted. In moto it is neither."""

    def __get__(self, gateway, _=None):
        if gateway is None:
            return self
        rule, age = rules.of(gateway.ec2_backend.account_id), time.monotonic() - gateway.since
        if gateway.gone:
            return "deleting" if age < rule.nat_deleting else "deleted"
        return "pending" if age < rule.nat_pending else "available"

    def __set__(self, gateway, value):
        gateway.since, gateway.gone = time.monotonic(), value == "deleted"


def no_gateway(gateway_id):
    return EC2ClientError("NatGatewayNotFound", f"The Nat Gateway {gateway_id} was not found")


def gateways():
    NatGateway.state = State()

    @wrap(Gateways, "describe_nat_gateways")
    def describe(self, old, filters, nat_gateway_ids):
        """An unknown id is an error, and tags can be filtered by. Moto leaves it out, and does not look at tags."""
        for gateway_id in nat_gateway_ids or []:
            if gateway_id not in self.nat_gateways:
                raise no_gateway(gateway_id)
        tags = {k: v for k, v in (filters or {}).items() if k.startswith("tag")}
        return [
            g for g in old(filters=filters, nat_gateway_ids=nat_gateway_ids)
            if all(is_filter_matching(g, k, v) for k, v in tags.items())
        ]

    @wrap(Gateways, "create_nat_gateway")
    def create(self, old, subnet_id, allocation_id, **arguments):
        """There is a quota, by zone, which deleting gateways count against. An address that is not there has a code of its
        own here."""
        zone = self.get_subnet(subnet_id).availability_zone
        there = sum(
            g.state not in ("deleted", "failed") and self.get_subnet(g.subnet_id).availability_zone == zone
            for g in self.nat_gateways.values()
        )
        if there >= rules.of(self.account_id).gateways:
            raise EC2ClientError("NatGatewayLimitExceeded", "Performing this operation would exceed the limit of NAT gateways.")
        if allocation_id and all(a.allocation_id != allocation_id for a in self.addresses):
            raise EC2ClientError("InvalidElasticIpID.NotFound", f"The elasticIp ID '{allocation_id}' does not exist")
        return old(subnet_id=subnet_id, allocation_id=allocation_id, **arguments)

    @wrap(Gateways, "delete_nat_gateway")
    def delete(self, old, nat_gateway_id):
        """Its address is free then. Moto keeps it associated for ever, and answers 500 to an unknown id."""
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise no_gateway(nat_gateway_id)
        if not gateway.gone:
            old(nat_gateway_id=nat_gateway_id)
            for address in self.addresses:
                if address.eni is not None and address.eni.id == gateway._eni.id:
                    self.disassociate_address(association_id=address.association_id)
        return gateway


def tokens():
    """A call with a client token that was used before gives what was made then; with other parameters it is refused.
    Moto never looks at the token. Where the account is known is not where the token is: hence the response classes."""
    for cls, method, made, template, name in (
        (gateway_responses.NatGateways, "create_nat_gateway", "nat_gateways", gateway_responses.CREATE_NAT_GATEWAY, "nat_gateway"),
        (table_responses.RouteTables, "create_route_table", "route_tables", table_responses.CREATE_ROUTE_TABLE_RESPONSE, "route_table"),
    ):
        @wrap(cls, method)
        def create(self, old, method=method, made=made, template=template, name=name):
            token = self._get_param("ClientToken")
            if not token:
                return old()
            backend = self.ec2_backend
            things, known = getattr(backend, made), backend.__dict__.setdefault("client_tokens", {})
            wish = repr(sorted((k, v) for k, v in self.params.items() if k != "ClientToken"))
            before, made_id = known.get((method, token), (None, None))
            if made_id in things:
                if wish != before:
                    raise EC2ClientError(
                        "IdempotentParameterMismatch",
                        "The client token you have provided is associated with a resource that has different parameters.",
                    )
                return self.response_template(template).render(**{name: things[made_id]})
            seen = set(things)
            answer = old()
            known[method, token] = wish, next(i for i in things if i not in seen)
            return answer


def addresses():
    @wrap(Addresses, "release_address")
    def release(self, old, address=None, allocation_id=None):
        """An address in use cannot be released: that of a gateway until the gateway is deleted, with a code that speaks of
        permissions. In moto it can."""
        for g in self.nat_gateways.values():
            if g.state != "deleted" and any(a.get("allocationId") == allocation_id for a in g.address_set):
                raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")
        for a in self.addresses:
            if a.association_id and (a.allocation_id == allocation_id or a.public_ip == address):
                raise EC2ClientError("InvalidIPAddress.InUse", f"Address {a.public_ip} is in use.")
        return old(address=address, allocation_id=allocation_id)

    @wrap(Addresses, "allocate_address")
    def allocate(self, old, **arguments):
        """There is a quota."""
        if len(self.addresses) >= rules.of(self.account_id).addresses:
            raise EC2ClientError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
        return old(**arguments)


def subnets():
    @wrap(Subnets, "create_subnet")
    def create(self, old, vpc_id, cidr_block, **arguments):
        """A CIDR is brought into its canonical form, and is /16 to /28. There is a quota. Moto stores the CIDR as it comes, of
        whatever size."""
        if cidr_block:
            network = ipaddress.ip_network(cidr_block, strict=False)
            if not 16 <= network.prefixlen <= 28:
                raise InvalidSubnetRangeError(cidr_block)
            cidr_block = str(network)
        if len(self.describe_subnets(filters={"vpc-id": vpc_id})) >= rules.of(self.account_id).subnets:
            raise EC2ClientError("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
        return old(vpc_id=vpc_id, cidr_block=cidr_block, **arguments)

    @wrap(Subnets, "delete_subnet")
    def delete(self, old, subnet_id):
        """A subnet with a gateway stays, and with a subnet goes its association. Moto does neither."""
        if any(g.subnet_id == subnet_id and g.state != "deleted" for g in self.nat_gateways.values()):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        answer = old(subnet_id=subnet_id)
        for table in self.route_tables.values():
            table.associations = {a: s for a, s in table.associations.items() if s != subnet_id}
        return answer


def tables():
    @wrap(Tables, "create_route_table")
    def create(self, old, vpc_id, **arguments):
        """There is a quota."""
        if sum(t.vpc_id == vpc_id for t in self.route_tables.values()) >= rules.of(self.account_id).tables:
            raise EC2ClientError("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
        return old(vpc_id=vpc_id, **arguments)

    @wrap(Tables, "delete_route_table")
    def delete(self, old, route_table_id):
        """The main table stays. In moto it goes."""
        if self.get_route_table(route_table_id).main_association_id:
            raise DependencyViolationError(f"The routeTable '{route_table_id}' has dependencies and cannot be deleted.")
        return old(route_table_id=route_table_id)

    @wrap(Tables, "associate_route_table")
    def associate(self, old, route_table_id, gateway_id=None, subnet_id=None):
        """A subnet has one table. Moto answers with the first association, as if it were the second."""
        for table in self.route_tables.values():
            if subnet_id and subnet_id in table.associations.values() and table.id != route_table_id:
                raise EC2ClientError(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {route_table_id} conflicts with an existing association",
                )
        return old(route_table_id=route_table_id, gateway_id=gateway_id, subnet_id=subnet_id)

    @wrap(Tables, "disassociate_route_table")
    def disassociate(self, old, association_id):
        """The main table's association stays. Moto says that there is none."""
        if any(t.main_association_id == association_id for t in self.route_tables.values()):
            raise EC2ClientError(
                "InvalidParameterValue", f"cannot disassociate the main route table association {association_id}"
            )
        return old(association_id=association_id)


def local(table, cidr):
    return bool(cidr) and any(r.local and r.destination_cidr_block == cidr for r in table.routes.values())


def routes():
    @wrap(Tables, "create_route")
    def create(self, old, route_table_id, destination_cidr_block=None, **arguments):
        """A prefix is brought into its canonical form: moto stores it as it comes, and from then on answers 500 to every
        CreateRoute on that table. The local route is a route like others, which moto replaces. There is a quota, which the
        local route does not count against."""
        if destination_cidr_block:
            try:
                destination_cidr_block = str(ipaddress.ip_network(destination_cidr_block, strict=False))
            except ValueError:
                raise EC2ClientError("InvalidParameterValue", f"Value ({destination_cidr_block}) is not a valid CIDR block.") from None
        if not arguments.get("local"):
            table = self.get_route_table(route_table_id)
            if local(table, destination_cidr_block):
                raise RouteAlreadyExistsError(destination_cidr_block)
            if sum(not r.local for r in table.routes.values()) >= rules.of(self.account_id).routes:
                raise EC2ClientError("RouteLimitExceeded", f"The maximum number of routes has been reached for {route_table_id}.")
        return old(route_table_id=route_table_id, destination_cidr_block=destination_cidr_block, **arguments)

    @wrap(Tables, "create_route", "replace_route")
    def write(self, old, **arguments):
        """A route leads to a gateway that exists, in the same VPC, and to none of another kind. Moto takes it as it comes."""
        gateway_id = arguments.get("nat_gateway_id")
        if gateway_id and (gateway_id not in self.nat_gateways or self.nat_gateways[gateway_id].state == "deleted"):
            raise EC2ClientError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{gateway_id}' does not exist")
        gateway_id = arguments.get("gateway_id")
        if gateway_id and not gateway_id.startswith(("vgw-", "vpce-")):
            gateway, table = self.internet_gateways.get(gateway_id), self.get_route_table(arguments["route_table_id"])
            if gateway is None:
                raise EC2ClientError("InvalidGatewayID.NotFound", f"The gateway ID '{gateway_id}' does not exist")
            if gateway.vpc is None or gateway.vpc.id != table.vpc_id:
                raise EC2ClientError(
                    "InvalidParameterValue",
                    f"route table {table.id} and network gateway {gateway_id} belong to different networks",
                )
        return old(**arguments)

    @wrap(Tables, "delete_route")
    def delete(self, old, route_table_id, destination_cidr_block, **arguments):
        """The local route stays. In moto it goes."""
        if local(self.get_route_table(route_table_id), destination_cidr_block):
            raise EC2ClientError(
                "InvalidParameterValue", f"cannot remove local route {destination_cidr_block} in route table {route_table_id}"
            )
        return old(route_table_id=route_table_id, destination_cidr_block=destination_cidr_block, **arguments)

    # A route to a gateway that is gone is a black hole. In moto all routes are active, for ever.
    answer = table_responses.DESCRIBE_ROUTE_TABLES_RESPONSE
    for kind, field, gone in (
        ("nat_gateway", "natGatewayId", "route.nat_gateway.state == 'deleted'"),
        ("gateway", "gatewayId", "route.gateway.vpc is none"),  # of an internet gateway; others have no such attribute
    ):
        state = f"<{field}>{{{{ route.{kind}.id }}}}</{field}>\n                  <origin>CreateRoute</origin>\n                  <state>"
        if state + "active" not in answer:
            raise RuntimeError("moto's answer to DescribeRouteTables is not the one that is known here")
        answer = answer.replace(state + "active", state + f"{{{{ 'blackhole' if {gone} else 'active' }}}}")
    table_responses.DESCRIBE_ROUTE_TABLES_RESPONSE = answer


def dry_runs():
    """A dry run does nothing. In moto most of these calls do not look whether they are one."""

    @wrap(
        EC2Response,
        "allocate_address", "release_address", "create_subnet", "delete_subnet", "create_route_table", "delete_route_table",
        "associate_route_table", "replace_route_table_association", "disassociate_route_table", "create_nat_gateway",
        "delete_nat_gateway", "create_route", "replace_route", "delete_route",
    )
    def dry(self, old):
        self.error_on_dryrun()
        return old()


def reserved():
    """Tag keys that begin with aws: are for AWS itself, which CloudFormation is part of. Moto takes them from everybody."""

    @wrap(
        EC2Response,
        "create_tags", "delete_tags", "allocate_address", "create_subnet", "create_route_table", "create_nat_gateway",
    )
    def refuse(self, old):
        specifications = self._get_param("TagSpecification", []) or self._get_param("TagSpecifications", [])
        tags = aws_tags(self._get_param("Tags", []) + [t for s in specifications for t in s.get("Tags", [])])
        if tags and tags not in expected:
            raise EC2ClientError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
        return old()


def one_at_a_time():
    """Calls can be made in parallel. Moto walks through its tables without a lock, and 1 of 2,400 such calls is a 500."""
    lock = threading.RLock()

    @wrap(EC2Response, "call_action")
    def call(_, old, **arguments):
        with lock:
            return old(**arguments)


def install():
    gateways()
    tokens()
    addresses()
    subnets()
    tables()
    routes()
    dry_runs()
    reserved()
    one_at_a_time()

"""What a change set says that it will do, and what becomes of it. LocalStack says neither why a thing changes nor what
happens to one that goes, takes a thing whose tags change for another one where it is referred to, makes two change sets of
one name, hides those that failed, and keeps those that another made worthless."""

import functools

from localstack.aws.api.cloudformation import (
    AlreadyExistsException,
    ChangeSetSummary,
    ChangeSetType,
    ListChangeSetsOutput,
)
from localstack.services.cloudformation.engine.v2.change_set_model import ChangeSetModel, ChangeType, NodeArray, is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_describer import ChangeSetModelDescriber as Describer
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.cloudformation.stores import get_cloudformation_store
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2 as Api
from localstack.services.cloudformation.v2.provider import StackNotFoundError, find_change_set_v2, find_stack_v2

register = Describer._describe_resource_change
POLICIES = {"deletion_policy": "DeletionPolicy", "update_replace_policy": "UpdateReplacePolicy"}


def reference(old):
    def change_type(self, arguments):
        """A reference changes when it leads to another thing, or the thing is replaced. To LocalStack a Ref changes with the
        thing's tags, which replaces a gateway when its subnet is tagged, and a GetAtt with none of these."""
        if arguments.change_type != ChangeType.UNCHANGED:
            return arguments.change_type
        name = arguments.array[0].value if isinstance(arguments, NodeArray) else arguments.value
        if name not in (self._after_template.get("Resources") or {}):
            return old(self, arguments)
        resource = self._retrieve_or_visit_resource(resource_name=name)
        same = resource.change_type == ChangeType.MODIFIED and not resource.requires_replacement
        return ChangeType.UNCHANGED if same else resource.change_type

    return change_type


def details(self, before, after):
    """Which attributes of a resource change, and whether by what the template says of it or of what it refers to."""
    schema = getattr(ResourceProviderExecutor.try_load_resource_provider(before.resource_type), "SCHEMA", {})
    fixed = {p.removeprefix("/properties/") for p in schema.get("createOnlyProperties", [])}
    old, new = before.properties.properties, after.properties.properties
    texts = [
        t["Resources"][before.logical_id].get("Properties", {}) for t in (self._change_set.stack.template, self._change_set.template)
    ]
    node = self._get_node_resource_for(before.logical_id, self._change_set.update_model.node_template)
    moved = {p.name for p in node.properties.properties if p.change_type != ChangeType.UNCHANGED and texts[0].get(p.name) == texts[1].get(p.name)}
    for name in sorted({k for k in old | new if old.get(k) != new.get(k)} | moved):
        target = {"Attribute": "Tags", "RequiresRecreation": "Never"}
        if name != "Tags":
            recreation = "Always" if name in fixed else "Never"
            target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
        yield target, ("Dynamic", "ResourceReference") if name in moved else ("Static", "DirectModification")
    for field, attribute in POLICIES.items():
        if (getattr(before, field) or None) != (getattr(after, field) or None):
            yield {"Attribute": attribute, "RequiresRecreation": "Never"}, ("Static", "DirectModification")


def describe(self, name, before, after):
    """Also a change of nothing but a policy is a change. To LocalStack it is none."""
    there, stays = not is_nothing(before), not is_nothing(after)
    known = len(self._changes)
    same = there and stays and before.resource_type == after.resource_type
    why = list(details(self, before, after)) if same else []
    if why and before == after:
        self._register_resource_change(
            logical_id=name, physical_id=before.physical_resource_id, type_=before.resource_type,
            before_properties=before.properties, after_properties=after.properties,
        )
    else:
        register(self, name, before, after)
    for change in (c["ResourceChange"] for c in self._changes[known:]):
        if change["Action"] == "Modify":
            explain(change, why, after)
        elif change["Action"] == "Remove":
            keep = before.deletion_policy in ("Retain", "RetainExceptOnCreate")
            change["PolicyAction"] = "Retain" if keep else "Delete"


def explain(change, why, after):
    change["Scope"] = sorted({target["Attribute"] for target, _ in why})
    change["Details"] = [{"Target": t, "Evaluation": evaluation, "ChangeSource": source} for t, (evaluation, source) in why]
    evaluations = {evaluation for target, (evaluation, _) in why if target["RequiresRecreation"] == "Always"}
    change["Replacement"] = "True" if "Static" in evaluations else "Conditional" if evaluations else "False"
    if evaluations:
        change["PolicyAction"] = "ReplaceAndRetain" if after.update_replace_policy == "Retain" else "ReplaceAndDelete"


def store(context):
    return get_cloudformation_store(context.account_id, context.region)


def create(old):
    @functools.wraps(old)
    def create_change_set(self, context, request):
        """A name is taken as long as its change set is there. An update without tags leaves the stack's as they are."""
        state, name = store(context), request.get("StackName")
        stack = find_stack_v2(state, name) if name else None
        if stack and any(state.change_sets[i].change_set_name == request.get("ChangeSetName") for i in stack.change_set_ids):
            raise AlreadyExistsException(f"ChangeSet {request['ChangeSetName']} already exists")
        out = old(self, context, request)
        change_set = find_change_set_v2(state, out["Id"])
        if "Tags" not in request and change_set.change_set_type == ChangeSetType.UPDATE:
            change_set.tags = change_set.stack.tags
        return out

    return create_change_set


def execute(old):
    @functools.wraps(old)
    def execute_change_set(self, context, change_set_name, stack_name=None, **kw):
        """The other change sets of the stack are deleted."""
        state = store(context)
        change_set = find_change_set_v2(state, change_set_name, stack_name)
        if change_set:
            stack = change_set.stack
            change_set.old_tags = stack.tags
            change_set.retain_except_on_create = kw.get("retain_except_on_create")
            stack.request_token = kw.get("client_request_token")
            stack.coming = change_set.template_body
        out = old(self, context, change_set_name, stack_name, **kw)
        for other in stack.change_set_ids - {change_set.change_set_id}:
            state.change_sets.pop(other)
        stack.change_set_ids = {change_set.change_set_id}
        return out

    return execute_change_set


def list_all(old):
    @functools.wraps(old)
    def list_change_sets(self, context, stack_name, next_token=None, **kw):
        """Those that failed are listed too."""
        state = store(context)
        stack = find_stack_v2(state, stack_name)
        if not stack:
            raise StackNotFoundError(stack_name)
        return ListChangeSetsOutput(Summaries=[
            ChangeSetSummary(
                StackId=stack.stack_id, StackName=stack.stack_name, ChangeSetId=c.change_set_id,
                ChangeSetName=c.change_set_name, ExecutionStatus=c.execution_status, Status=c.status,
                StatusReason=c.status_reason, CreationTime=c.creation_time, IncludeNestedStacks=False,
            )
            for c in sorted((state.change_sets[i] for i in stack.change_set_ids), key=lambda c: c.creation_time)
        ])

    return list_change_sets


def install():
    for name in ("_resolve_intrinsic_function_ref", "_resolve_intrinsic_function_fn_get_att"):
        setattr(ChangeSetModel, name, reference(getattr(ChangeSetModel, name)))
    Describer._describe_resource_change = describe
    Api.create_change_set = create(Api.create_change_set)
    Api.execute_change_set = execute(Api.execute_change_set)
    Api.list_change_sets = list_all(Api.list_change_sets)

"""What a stack refuses, and what it says of itself. LocalStack lets a stack be changed while it changes and be deleted
though it is protected, lists stacks that are gone, forgets when a stack was updated, and takes templates that are too large."""

import functools

from localstack.aws.api.cloudformation import StackStatus as S
from localstack.aws.api.cloudformation import TemplateStage
from localstack.services.cloudformation.engine import template_preparer
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.stores import get_cloudformation_store
from localstack.services.cloudformation.v2.entities import Stack
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2 as Api
from localstack.services.cloudformation.v2.provider import find_change_set_v2, find_stack_v2

INLINE, STORED, RESOURCES, OUTPUTS = 51_200, 1_048_576, 500, 200  # the first two in bytes
SETTLED = (
    S.CREATE_COMPLETE, S.CREATE_FAILED, S.UPDATE_COMPLETE, S.UPDATE_FAILED, S.UPDATE_ROLLBACK_COMPLETE,
    S.IMPORT_COMPLETE, S.IMPORT_ROLLBACK_COMPLETE,
)
CHANGING = (S.CREATE_IN_PROGRESS, S.UPDATE_IN_PROGRESS, S.ROLLBACK_IN_PROGRESS, S.UPDATE_ROLLBACK_IN_PROGRESS)
setup = Api._setup_change_set_model
store_event = Stack._store_event


def refuse(cls, change_set, **kw):
    """A stack is updated when it is at rest, and not when its creation was rolled back. LocalStack updates it."""
    stack, template = change_set.stack, kw.get("after_template")
    if template is not None:
        update = stack.template is not None or str(change_set.change_set_type) == "UPDATE"
        if update and stack.status not in SETTLED:
            raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
        for what, most in (("Resources", RESOURCES), ("Outputs", OUTPUTS)):
            number = len(template.get(what) or {})
            if number > most:
                raise ValidationError(
                    f"Template format error: Number of {what.lower()}, {number}, is greater than maximum allowed, {most}"
                )
    return setup(change_set=change_set, **kw)


def sized(old):
    @functools.wraps(old)
    def call(self, context, request):
        """LocalStack counts characters, not in UpdateStack, and not what is in a bucket."""
        body = request.get("TemplateBody") or ""
        if len(body.encode()) > INLINE:
            raise ValidationError(
                f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {INLINE}"
            )
        return old(self, context, request)

    return call


def parse(old):
    def parse_template(template):
        if len(template.encode()) > STORED:
            raise ValidationError(f"Template may not exceed {STORED} bytes in size.")
        return old(template)

    return parse_template


def stack_of(context, name):
    return find_stack_v2(get_cloudformation_store(context.account_id, context.region), name)


def delete(old):
    @functools.wraps(old)
    def delete_stack(self, context, stack_name, **kw):
        """A protected stack stays, and so does one that is being updated."""
        stack = stack_of(context, stack_name)
        if stack and stack.status != S.DELETE_COMPLETE:
            if stack.enable_termination_protection:
                raise ValidationError(f"Stack [{stack_name}] cannot be deleted while TerminationProtection is enabled")
            if stack.status.startswith("UPDATE_") and stack.status.endswith("_IN_PROGRESS"):
                raise ValidationError(f"Stack [{stack_name}] cannot be deleted while in status {stack.status}")
            stack.request_token = kw.get("client_request_token")
        return old(self, context, stack_name, **kw)

    return delete_stack


def describe(old):
    @functools.wraps(old)
    def describe_stacks(self, context, stack_name=None, next_token=None, **kw):
        """A stack that is gone is shown to those who know its id. LocalStack lists it, and says that one that was rolled back
        is gone."""
        out = old(self, context, stack_name, next_token, **kw)
        if not stack_name:
            out["Stacks"] = [s for s in out["Stacks"] if s["StackStatus"] != S.DELETE_COMPLETE]
        for stack in out["Stacks"]:
            updated(stack, stack_of(context, stack["StackId"]))
            if stack["StackStatus"] != S.DELETE_COMPLETE:
                stack.pop("DeletionTime", None)
        return out

    return describe_stacks


def updated(said, stack):
    """When the last update began, if there was one. To LocalStack that is when the stack was made."""
    said.pop("LastUpdatedTime", None)
    for e in stack.events:
        if e["ResourceStatus"] == S.UPDATE_IN_PROGRESS and e["PhysicalResourceId"] == stack.stack_id:
            said["LastUpdatedTime"] = e["Timestamp"]
            return


def template(old):
    @functools.wraps(old)
    def get_template(self, context, stack_name=None, change_set_name=None, template_stage=None, **kw):
        """A change set has a template of its own, and a stack shows the new one while it is made or updated; whether it does
        so in an update is assumed. LocalStack gives what the stack had at rest: of one that is being made, none."""
        stack = stack_of(context, stack_name) if stack_name and not change_set_name else None
        if stack and stack.status in CHANGING and getattr(stack, "coming", None) and template_stage != TemplateStage.Processed:
            return {"TemplateBody": stack.coming, "StagesAvailable": [TemplateStage.Original, TemplateStage.Processed]}
        if change_set_name and template_stage != TemplateStage.Processed:
            state = get_cloudformation_store(context.account_id, context.region)
            change_set = find_change_set_v2(state, change_set_name, stack_name)
            if change_set:
                stages = [TemplateStage.Original, TemplateStage.Processed]
                return {"TemplateBody": change_set.template_body, "StagesAvailable": stages}
        return old(self, context, stack_name, change_set_name, template_stage, **kw)

    return get_template


def event(self, *a, **kw):
    """An event carries the token of the request that began the operation."""
    store_event(self, *a, **kw)
    if getattr(self, "request_token", None):
        self.events[0]["ClientRequestToken"] = self.request_token


def install():
    Api._setup_change_set_model = classmethod(refuse)
    for name in ("create_stack", "update_stack", "create_change_set"):
        setattr(Api, name, sized(getattr(Api, name)))
    template_preparer.parse_template = parse(template_preparer.parse_template)
    Api.delete_stack = delete(Api.delete_stack)
    Api.describe_stacks = describe(Api.describe_stacks)
    Api.get_template = template(Api.get_template)
    Stack._store_event = event

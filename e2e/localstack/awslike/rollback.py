"""What a CloudFormation operation that fails leaves behind: with AWS, what was there before. LocalStack keeps what the
failed operation made, carries out its pending deletions all the same, takes the failed template for the current one, and
says UPDATE_COMPLETE after a failed UpdateStack."""

import functools
import time

from localstack.aws.api.cloudformation import ChangeAction
from localstack.aws.api.cloudformation import StackStatus as S
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor as Executor,
)
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutorResult as Result,
)
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    PreprocProperties,
    TriggerRollback,
)
from localstack.services.cloudformation.resource_provider import OperationStatus
from localstack.services.cloudformation.v2.entities import Stack
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2 as Api
from localstack.services.cloudformation.v2.provider import ValidationError

from . import rules

# AWS deletes what an update removed by dependency; LocalStack in reverse alphabetical order.
ORDER = ["AWS::EC2::" + t for t in ("Route", "NatGateway", "SubnetRouteTableAssociation", "RouteTable", "Subnet", "EIP")]

act = Executor._execute_resource_action
set_status = Stack.set_stack_status
setup = Api._setup_change_set_model
listed = Api.describe_stacks


def record(self, action, logical_resource_id, resource_type, before_properties, after_properties, *a, **kw):
    """Carries out an action, and writes down what would undo it."""
    time.sleep(rules.of(self._change_set.stack.account_id).cfn_step)
    event = act(self, action, logical_resource_id, resource_type, before_properties, after_properties, *a, **kw)
    if event.status == OperationStatus.SUCCESS:
        done = (action, logical_resource_id, resource_type, before_properties, event.resource_model)
        self.__dict__.setdefault("journal", []).append(done)
    elif action == ChangeAction.Remove:
        self.__dict__.setdefault("stuck", []).append(logical_resource_id)
    return event


def undo(self):
    """Goes back through what was done."""
    for action, name, kind, before, model in reversed(self.__dict__.get("journal", [])):
        now = PreprocProperties(properties=model)
        if action == ChangeAction.Add:
            act(self, ChangeAction.Remove, name, kind, now, None)
        elif action == ChangeAction.Modify:
            act(self, ChangeAction.Modify, name, kind, now, before)


def execute(self):
    """Carries out a change set. When an action fails, the stack goes back to what it was, and says so; deletions come
    last, when nothing can fail any more."""
    cs, stack = self._change_set, self._change_set.stack
    update = bool(stack.resolved_resources)
    deleting = stack.status == S.DELETE_IN_PROGRESS
    failure = None
    stack.quiet = True  # a failed resource must not show as the stack's status while the operation runs
    try:
        self.process()
    except TriggerRollback as e:
        failure = e.reason or "failed"
    except Exception as e:
        failure = str(e)
    if not failure or deleting:
        if self._deferred_actions and not deleting:
            stack.set_stack_status(S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
        kinds = {k: r["Type"] for k, r in stack.resolved_resources.items()}


        def rank(deferred):
            kind = kinds.get(deferred.name.rsplit("-", 1)[1])
            return ORDER.index(kind) if kind in ORDER else -1

        for deferred in sorted(self._deferred_actions[::-1], key=rank):
            deferred.action()
        stack.quiet = False
        if deleting and self.__dict__.get("stuck"):
            raise RuntimeError(f"The following resource(s) failed to delete: {self.stuck}.")  # ends as DELETE_FAILED
        if not failure and not deleting:  # UpdateStack forgets this one, so DeleteStack would miss added resources
            stack.processed_template = cs.processed_template
        return Result(resources=self.resources, outputs=self.outputs, failure_message=failure)
    stack.quiet = False
    set_status(stack, S.UPDATE_ROLLBACK_IN_PROGRESS if update else S.ROLLBACK_IN_PROGRESS, failure)
    before = dict(self._before_resolved_resources)
    undo(self)
    empty = {"Resources": {}}
    cs.template, cs.processed_template = (stack.template, stack.processed_template) if update else (empty, empty)
    cs.template_body = stack.template_body if update else cs.template_body
    cs.resolved_parameters = stack.resolved_parameters
    end = S.UPDATE_ROLLBACK_COMPLETE if update else S.ROLLBACK_COMPLETE
    if not update and (stack.request_payload or {}).get("OnFailure") == "DELETE":
        end = S.DELETE_COMPLETE
    stack.resource_states = {k: v for k, v in stack.resource_states.items() if k in before}
    set_status(stack, end)
    stack.final = True  # CreateStack and UpdateStack still try to set their own status once
    return Result(resources=before, outputs=list(stack.resolved_outputs), failure_message=failure)


def guarded(self, status, reason=None):
    """Sets a stack's status, unless it is what LocalStack thinks of an operation that was rolled back."""
    if getattr(self, "quiet", False) and str(status).endswith("_FAILED"):
        return
    ends = (S.CREATE_COMPLETE, S.CREATE_FAILED, S.UPDATE_COMPLETE, S.UPDATE_FAILED)
    if getattr(self, "final", False) and status in ends:
        self.final = False
        return
    self.final = False
    set_status(self, status, reason)


def refuse(cls, change_set, **kw):
    """A stack whose creation was rolled back can only be deleted. LocalStack updates it."""
    stack = change_set.stack
    if stack.status in (S.ROLLBACK_COMPLETE, S.ROLLBACK_FAILED) and kw.get("after_template") is not None:
        raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
    return setup(change_set=change_set, **kw)


@functools.wraps(listed)
def active(self, context, stack_name=None, next_token=None, **kw):
    """A stack that is gone is shown to those who know its id. LocalStack lists it."""
    out = listed(self, context, stack_name, next_token, **kw)
    if not stack_name:
        out["Stacks"] = [s for s in out["Stacks"] if s["StackStatus"] != S.DELETE_COMPLETE]
    return out


def install():
    Api.describe_stacks = active
    Executor._execute_resource_action = record
    Executor.execute = execute
    Stack.set_stack_status = guarded
    Api._setup_change_set_model = classmethod(refuse)

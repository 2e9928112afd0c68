"""What a CloudFormation operation that fails leaves behind: with AWS, what was there before. LocalStack keeps what the
failed operation made, carries out its pending deletions all the same, takes the failed template for the current one, says
UPDATE_COMPLETE after a failed UpdateStack, and cannot continue a roll-back that failed itself."""

import copy
import dataclasses
import time

from localstack.aws.api import handler
from localstack.aws.api.cloudformation import ChangeAction, ExecutionStatus
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
from localstack.services.cloudformation.stores import get_cloudformation_store
from localstack.services.cloudformation.v2.entities import ChangeSet, Stack
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2 as Api
from localstack.services.cloudformation.v2.provider import ValidationError, find_stack_v2
from localstack.utils.threads import start_worker_thread

from . import rules

# AWS deletes what an update removed by dependency; LocalStack in reverse alphabetical order.
ORDER = ["AWS::EC2::" + t for t in ("Route", "NatGateway", "SubnetRouteTableAssociation", "RouteTable", "Subnet", "EIP")]

act = Executor._execute_resource_action
change = Executor._execute_resource_change
set_status = Stack.set_stack_status
set_execution_status = ChangeSet.set_execution_status


@dataclasses.dataclass
class Step:
    """What an operation did, and what would undo it."""

    action: ChangeAction
    name: str
    kind: str
    before: PreprocProperties
    model: dict


def record(self, action, logical_resource_id, resource_type, before_properties, after_properties, *a, **kw):
    """Carries out an action, and writes down what would undo it."""
    time.sleep(rules.of(self._change_set.stack.account_id).cfn_step)
    event = act(self, action, logical_resource_id, resource_type, before_properties, after_properties, *a, **kw)
    if event.status == OperationStatus.SUCCESS:
        if action != ChangeAction.Remove:
            self.journal.append(Step(action, logical_resource_id, resource_type, before_properties, event.resource_model))
    elif action == ChangeAction.Remove:
        self.stuck.append(logical_resource_id)
    else:
        self.failed.append((action, logical_resource_id))
    return event


def retain(self, name, before, after):
    """RetainExceptOnCreate is Retain, but where the operation that made the thing is rolled back. LocalStack deletes it."""
    for resource in (before, after):
        if getattr(resource, "deletion_policy", None) == "RetainExceptOnCreate":
            resource.deletion_policy = "Retain"
    return change(self, name, before, after)


def kept(self, step):
    """Whether a thing that the failed operation made stays, in nobody's hands, when the operation is rolled back. A
    replacement's policy is UpdateReplacePolicy: assumed, since AWS does not say, and it is the worse way."""
    cs = self._change_set
    if getattr(cs, "retain_except_on_create", False):
        return False
    policy = "UpdateReplacePolicy" if step.name in old_resources(cs.stack) else "DeletionPolicy"
    return self.goal["Resources"][step.name].get(policy) == "Retain"


def old_resources(stack):
    return (stack.template or {}).get("Resources", {})


def note(self, step, action, status, **more):
    self._process_event(
        action=action, logical_resource_id=step.name, event_status=status, resource_type=step.kind, **more
    )


def change_back(self, skip):
    """Gives what was changed its old properties. What cannot be changed back stays in the journal, and is named."""
    stuck = []
    for step in [s for s in reversed(self.journal) if s.action == ChangeAction.Modify]:
        note(self, step, ChangeAction.Modify, OperationStatus.IN_PROGRESS)
        if step.name in skip:
            note(self, step, ChangeAction.Modify, OperationStatus.SUCCESS)
        else:
            event = act(self, ChangeAction.Modify, step.name, step.kind, PreprocProperties(properties=step.model), step.before)
            note(self, step, ChangeAction.Modify, event.status, reason=event.message)
            if event.status != OperationStatus.SUCCESS:
                stuck.append(step.name)
                continue
        self.journal.remove(step)
    return stuck


def take_away(self):
    """Deletes what was made. What cannot be deleted is named."""
    stuck = []
    for step in reversed(self.journal):
        if kept(self, step):
            note(self, step, ChangeAction.Remove, OperationStatus.SUCCESS, custom_status="DELETE_SKIPPED")
            continue
        note(self, step, ChangeAction.Remove, OperationStatus.IN_PROGRESS)
        event = act(self, ChangeAction.Remove, step.name, step.kind, PreprocProperties(properties=step.model), None)
        note(self, step, ChangeAction.Remove, event.status, reason=event.message)
        if event.status != OperationStatus.SUCCESS:
            stuck.append(step.name)
    return stuck


def roll_back(self, update, skip=()):
    """Undoes what was done, and gives the status that this ends in and the resources that it failed for: changes first, then,
    when an update cannot fail any more, what it made."""
    stack = self._change_set.stack
    stack.quiet = True  # a failed resource must not show as the stack's status while the operation runs
    stuck = change_back(self, skip)
    if not stuck:
        if update:
            stack.set_stack_status(S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS)
        left = take_away(self)
        stuck = [] if update else left
    stack.quiet = False
    stack.resource_states = copy.deepcopy(self.states)
    for name in set(stuck) & set(self.states):
        stack.resource_states[name]["ResourceStatus"] = "UPDATE_FAILED"
    stack.unfinished = (self, stuck) if update and stuck else None
    if stuck:
        return (S.UPDATE_ROLLBACK_FAILED if update else S.ROLLBACK_FAILED), stuck
    payload = stack.request_payload or {}
    if not update and "DELETE" in (payload.get("OnFailure"), payload.get("OnStackFailure")):
        return S.DELETE_COMPLETE, []
    return (S.UPDATE_ROLLBACK_COMPLETE if update else S.ROLLBACK_COMPLETE), []


def blame(names, verb):
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "


def finish(self, deleting):
    """Deletes what the new template has no more."""
    stack = self._change_set.stack
    if self._deferred_actions and not deleting:
        stack.set_stack_status(S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
    kinds = {k: r["Type"] for k, r in stack.resolved_resources.items()}

    def rank(deferred):
        kind = kinds.get(deferred.name.rsplit("-", 1)[1])
        return ORDER.index(kind) if kind in ORDER else -1

    for deferred in sorted(self._deferred_actions[::-1], key=rank):
        deferred.action()


def execute(self):
    """Carries out a change set. When an action fails, the stack goes back to what it was, and says so; deletions come
    last, when nothing can fail any more."""
    cs, stack = self._change_set, self._change_set.stack
    self.journal, self.failed, self.stuck = [], [], []
    self.states, self.goal = copy.deepcopy(stack.resource_states), cs.template
    update = bool(stack.resolved_resources)
    deleting = stack.status == S.DELETE_IN_PROGRESS
    failure = None
    stack.quiet = True
    try:
        self.process()
    except TriggerRollback as e:
        failure = e.reason or "failed"
    except Exception as e:
        failure = str(e)
    if not failure or deleting:
        finish(self, deleting)
        stack.quiet = False
        if deleting and self.stuck:
            raise RuntimeError(blame(self.stuck, "delete"))  # ends as DELETE_FAILED
        if not failure and not deleting:
            stack.processed_template = cs.processed_template  # UpdateStack forgets it: DeleteStack missed added resources
            stack.resolved_outputs = self.outputs  # LocalStack sets them after the status, which somebody may be waiting for
        return Result(resources=self.resources, outputs=self.outputs, failure_message=failure)
    stack.quiet = False
    verbs = {ChangeAction.Add: "create", ChangeAction.Modify: "update"}
    why = "".join(blame([n for a, n in self.failed if a == action], verb) for action, verb in verbs.items()
                  if any(a == action for a, _ in self.failed)) or failure
    set_status(stack, S.UPDATE_ROLLBACK_IN_PROGRESS if update else S.ROLLBACK_IN_PROGRESS, why)
    stack.tags = getattr(cs, "old_tags", stack.tags)
    before = dict(self._before_resolved_resources)
    status, stuck = roll_back(self, update)
    empty = {"Resources": {}}
    cs.template, cs.processed_template = (stack.template, stack.processed_template) if update else (empty, empty)
    cs.template_body = stack.template_body if update else cs.template_body
    cs.resolved_parameters = stack.resolved_parameters
    # LocalStack goes on to write down what it thinks of the stack. So the end is said when that is done.
    stack.end = status, blame(stuck, "update" if update else "delete") if stuck else None
    return Result(resources=before, outputs=list(stack.resolved_outputs), failure_message=failure)


def say_end(stack):
    (status, reason), stack.end = stack.end, None
    set_status(stack, status, reason)


def guarded(self, status, reason=None):
    """Sets a stack's status, unless it is what LocalStack thinks of an operation that was rolled back, or of a stack that a
    change set is made for."""
    if getattr(self, "quiet", False) and str(status).endswith("_FAILED"):
        return
    if status == S.REVIEW_IN_PROGRESS and self.status != S.REVIEW_IN_PROGRESS:
        return
    if getattr(self, "end", None) and status in (S.CREATE_COMPLETE, S.CREATE_FAILED, S.UPDATE_COMPLETE, S.UPDATE_FAILED):
        say_end(self)
        return
    set_status(self, status, reason)


def executed(self, status):
    """The last that LocalStack writes down of a change set that failed."""
    set_execution_status(self, status)
    if status == ExecutionStatus.EXECUTE_FAILED and getattr(self.stack, "end", None):
        say_end(self.stack)


@handler("ContinueUpdateRollback")
def continue_update_rollback(self, context, stack_name, role_arn=None, resources_to_skip=None, client_request_token=None, **kw):
    """Tries once more to undo what could not be undone, and leaves alone what is to be skipped."""
    stack = find_stack_v2(get_cloudformation_store(context.account_id, context.region), stack_name)
    if stack is None:
        raise ValidationError(f"Stack [{stack_name}] does not exist")
    if stack.status != S.UPDATE_ROLLBACK_FAILED:
        raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not continue rolling back.")
    executor, stuck = stack.unfinished
    wrong = set(resources_to_skip or []) - set(stuck)
    if wrong:
        raise ValidationError(f"Resources {sorted(wrong)} cannot be skipped: they are not in the state UPDATE_FAILED.")
    set_status(stack, S.UPDATE_ROLLBACK_IN_PROGRESS)

    def run(*_):
        stack.end = None
        status, left = roll_back(executor, True, resources_to_skip or [])
        set_status(stack, status, blame(left, "update") if left else None)

    start_worker_thread(run)
    return {}


def install():
    Executor._execute_resource_action = record
    Executor._execute_resource_change = retain
    Executor.execute = execute
    Stack.set_stack_status = guarded
    ChangeSet.set_execution_status = executed
    Api.continue_update_rollback = continue_update_rollback

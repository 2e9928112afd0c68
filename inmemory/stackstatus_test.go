package inmemory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// What may be asked in which status; the statuses are the SDK's, so a new one is seen.
func TestWhatAStatusAllows(t *testing.T) {
	updates := []types.StackStatus{
		types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete, types.StackStatusImportComplete,
		types.StackStatusImportRollbackComplete, types.StackStatusCreateFailed, types.StackStatusUpdateFailed,
	}
	for _, status := range types.StackStatus("").Values() {
		if status == types.StackStatusDeleteComplete {
			continue // there is no such stack
		}
		inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
			name := aws.String("egress")
			busy := strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
			set := func() { c.cfn.SetStackStatus("egress", status) }
			check := func(what string, allowed bool, err error) {
				t.Helper()
				c.settle()
				if (err == nil) != allowed || err != nil && codeOf(err) != "ValidationError" {
					t.Errorf("%s in %s: %v", what, status, err)
				}
			}
			set()
			_, err := c.cfn.CreateChangeSet(c.Context(), c.change("u", types.ChangeSetTypeUpdate, c.plan(targetA)))
			check("update", slices.Contains(updates, status), err)
			_, err = c.cfn.CreateChangeSet(c.Context(), c.change("c", types.ChangeSetTypeCreate, c.plan(targetA)))
			check("create", status == types.StackStatusReviewInProgress, err)
			_, err = c.cfn.UpdateTerminationProtection(c.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: name, EnableTerminationProtection: aws.Bool(false)})
			check("protect", status != types.StackStatusDeleteInProgress, err)
			check("go on", status == types.StackStatusUpdateRollbackFailed, c.goOn())
			if c.cfn.SetStackStatus("egress", status); status != types.StackStatusCreateFailed {
				_, err = c.cfn.RollbackStack(c.Context(), &cloudformation.RollbackStackInput{StackName: name})
				check("roll back", status == types.StackStatusUpdateFailed, err)
			}
			set()
			check("delete", !busy || status == types.StackStatusDeleteInProgress, c.delete())
		})
	}
}

func TestChangeSetMeetsABusyStack(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		cs := c.submit(types.ChangeSetTypeUpdate, c.plan(targetB).text())
		c.cfn.SetStackStatus("egress", types.StackStatusUpdateRollbackInProgress)
		_, err := c.cfn.ExecuteChangeSet(c.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId})
		c.wants(err, "ValidationError")
		if want := fmt.Sprintf("Stack:%s is in UPDATE_ROLLBACK_IN_PROGRESS state and can not be updated.", *cs.StackId); !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTerminationProtection(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		protect := func(on bool) {
			_, err := c.cfn.UpdateTerminationProtection(c.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: aws.String("egress"), EnableTerminationProtection: &on})
			c.wants(err, "")
		}
		c.create(c.plan(targetA))
		protect(true)
		c.wants(c.delete(), "ValidationError")
		c.wantsEC2(wholePath)
		if !*c.stack().EnableTerminationProtection {
			t.Error("not shown")
		}
		protect(false)
		c.wants(c.delete(), "")
		c.wantsEC2("")
	})
}

func TestUnknownStacks(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		_, err := c.cfn.DescribeStacks(c.Context(), describe("egress"))
		c.wants(err, "ValidationError")
		if !strings.Contains(err.Error(), "Stack with id egress does not exist") {
			t.Errorf("got %v", err)
		}
		c.wants(c.delete(), "") // a success
		_, err = c.cfn.GetTemplate(c.Context(), &cloudformation.GetTemplateInput{StackName: aws.String("egress")})
		c.wants(err, "ValidationError")
		_, err = c.cfn.DescribeStackEvents(c.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String("egress")})
		c.wants(err, "ValidationError")
		_, err = c.cfn.ListChangeSets(c.Context(), &cloudformation.ListChangeSetsInput{StackName: aws.String("egress")})
		c.wants(err, "ValidationError")
		_, err = c.cfn.DescribeChangeSet(c.Context(), &cloudformation.DescribeChangeSetInput{StackName: aws.String("egress"), ChangeSetName: aws.String("x")})
		c.wants(err, "ChangeSetNotFound")
		_, err = c.cfn.DeleteStack(c.Context(), nil)
		c.wants(err, "ValidationError")
		in := c.change("x", types.ChangeSetTypeCreate, c.plan(targetA))
		in.OnStackFailure = types.OnStackFailureDelete
		_, err = c.cfn.CreateChangeSet(c.Context(), in)
		c.wants(err, "UnsupportedOperation")
	})
}

// The pages of events go on from where they began, whatever happens meanwhile.
func TestPagesOfEventsAndStacks(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{EventsPerPage: 3, StacksPerPage: 1, Step: time.Second}, func(c *cloud) {
		c.create(c.plan(targetA))
		want := strings.Count(c.cfn.Events("egress"), "\n")
		pages := cloudformation.NewDescribeStackEventsPaginator(c.cfn, &cloudformation.DescribeStackEventsInput{StackName: aws.String("egress")})
		seen := map[string]bool{}
		last := time.Now()
		for i := 0; pages.HasMorePages(); i++ {
			page, err := pages.NextPage(c.Context())
			for _, e := range need(c.site, page, err).StackEvents {
				if i == 0 && len(seen) == 0 && (*e.LogicalResourceId != "egress" || e.ResourceStatus != types.ResourceStatusCreateComplete) {
					t.Errorf("the newest is %s of %s", e.ResourceStatus, *e.LogicalResourceId)
				}
				if e.Timestamp.After(last) {
					t.Error("not the newest first")
				}
				seen[*e.EventId], last = true, *e.Timestamp
			}
			c.cfn.SetStackStatus("egress", types.StackStatusUpdateComplete)
		}
		if len(seen) != want {
			t.Errorf("%d of %d events", len(seen), want)
		}

		c.cfn.SetStackStatus("another", types.StackStatusCreateComplete)
		stacks := cloudformation.NewDescribeStacksPaginator(c.cfn, &cloudformation.DescribeStacksInput{})
		var names []string
		for stacks.HasMorePages() {
			page, err := stacks.NextPage(c.Context())
			for _, s := range need(c.site, page, err).Stacks {
				names = append(names, *s.StackName)
			}
		}
		if fmt.Sprint(names) != "[egress another]" || fmt.Sprint(c.cfn.StackNames()) != "[another egress]" {
			t.Errorf("got %v", names)
		}
		_, err := c.cfn.DescribeStacks(c.Context(), &cloudformation.DescribeStacksInput{NextToken: aws.String("x")})
		c.wants(err, "ValidationError")
	})
}

func TestStackHooks(t *testing.T) {
	inCloud(t, inmemory.Options{KeepCalls: true}, inmemory.CloudFormationOptions{KeepCalls: true}, func(c *cloud) {
		c.cfn.SetHook(func(_ context.Context, call inmemory.Call, p inmemory.Phase) error {
			if call == (inmemory.Call{Operation: "CreateChangeSet", Key: "egress one", Attempt: 1}) && p == inmemory.After {
				return errFault
			}
			return nil
		})
		_, err := c.cfn.CreateChangeSet(c.Context(), c.change("one", types.ChangeSetTypeCreate, c.plan(targetA)))
		c.wants(err, "operation error CloudFormation: CreateChangeSet, fault")
		_, err = c.cfn.CreateChangeSet(c.Context(), c.change("one", types.ChangeSetTypeCreate, c.plan(targetA)))
		c.wants(err, "AlreadyExistsException") // the answer was lost, the effect was not
		in := c.change("two", types.ChangeSetTypeCreate, c.plan(targetA))
		in.ClientToken = aws.String("token")
		first, err := c.cfn.CreateChangeSet(c.Context(), in)
		c.wants(err, "")
		again, err := c.cfn.CreateChangeSet(c.Context(), in)
		if *need(c.site, again, err).Id != *first.Id {
			t.Error("the same token made another change set")
		}
		c.settle()
		byStack := map[string]string{}
		c.SetHook(func(ctx context.Context, call inmemory.Call, _ inmemory.Phase) error {
			byStack[call.Operation] = inmemory.ByStack(ctx)
			return nil
		})
		c.execute(first.Id)
		c.settle()
		_, err = c.DescribeVpcs(c.Context(), nil)
		c.wants(err, "")
		if byStack["AllocateAddress"] != "egress" || byStack["CreateRoute"] != "egress" || byStack["DescribeVpcs"] != "" {
			t.Errorf("got %v", byStack)
		}
		if got := fmt.Sprint(c.cfn.Counts()); got != "map[CreateChangeSet:4 ExecuteChangeSet:1]" {
			t.Errorf("got %s", got)
		}
		if calls := c.cfn.Calls(); calls[1] != (inmemory.Call{Operation: "CreateChangeSet", Key: "egress one", Attempt: 2}) {
			t.Errorf("got %v", calls)
		}
		c.cfn.ResetCounts()
		if len(c.cfn.Calls())+len(c.cfn.Counts()) > 0 {
			t.Error("not reset")
		}
	})
}

// Who waits can stop waiting; the operation goes on.
func TestSettleCanBeCancelled(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{Step: time.Hour}, func(c *cloud) {
		_, err := c.cfn.CreateChangeSet(c.Context(), c.change("one", types.ChangeSetTypeCreate, c.plan(targetA)))
		c.wants(err, "")
		ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
		defer cancel()
		if err := c.cfn.Settle(ctx); err == nil {
			t.Error("it did not take an hour")
		}
		c.settle()
	})
}

// A stack waits until what it made can be found.
func TestStackAndReferencesThatLag(t *testing.T) {
	inCloud(t, inmemory.Options{ReferenceLag: 20 * time.Second, Lag: time.Minute}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		c.wantsEC2(wholePath)
	})
}

// Only a stack can write tags of AWS's own.
func TestReservedTagsOfCallers(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		in := c.change("x", types.ChangeSetTypeCreate, c.plan(targetA))
		in.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("y")}}
		_, err := c.cfn.CreateChangeSet(c.Context(), in)
		c.wants(err, "ValidationError")
	})
}

// Equal runs end equal, to the byte.
func TestStacksEndTheSame(t *testing.T) {
	ends := map[string]bool{}
	for range 5 {
		inCloud(t, inmemory.Options{Pending: time.Minute, Deleting: time.Minute}, inmemory.CloudFormationOptions{Step: time.Second}, func(c *cloud) {
			changeSets = 0
			c.create(c.plan(targetA))
			c.obstacle()
			c.update(c.plan(targetB, taken).set("Eip", "Properties.Tags", nil), types.StackStatusUpdateRollbackComplete)
			ends[c.cfn.Dump()+c.cfn.Events("egress")+c.Dump()] = true
			if want := "stack egress UPDATE_ROLLBACK_COMPLETE {owner=tests}\n  resource Default AWS::EC2::Route rtb-"; !strings.HasPrefix(c.cfn.Dump(), want) {
				t.Errorf("got %s", c.cfn.Dump())
			}
		})
	}
	if len(ends) != 1 {
		t.Errorf("%d different ends", len(ends))
	}
}

package awscfn

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// step is what a pass does with a stack in some status. No step waits: each makes its calls, and the next pass looks at
// what came of them.
type step string

const (
	// change: the stack stands, and takes the next change set.
	change step = "change"
	// create: there is no stack, or a shell in which nothing was made yet. The next change set is one that creates.
	create step = "create"
	// wait: an operation runs, ours or somebody else's. Nothing can be changed until it ends.
	wait step = "wait"
	// remove: the stack can only be deleted. Its addresses are retained, and the next one takes them up by their ids.
	remove step = "remove"
	// release: it is being deleted and cannot let something go. That is left to EC2, and the stack goes.
	release step = "release"
	// resume: an update could not be undone. It is undone further, and what cannot be is skipped the next time.
	resume step = "resume"
	// undo: an operation failed and was not undone, because somebody had asked for that.
	undo step = "undo"
	// leave: somebody else's operation failed in a way that is theirs to mend.
	leave step = "leave"
)

// steps is the one table of every status that a stack can have (CloudFormation user guide, "Stack status codes").
var steps = map[types.StackStatus]step{
	types.StackStatusReviewInProgress: create, // a change set that creates it was made and not executed, as by a crash
	types.StackStatusDeleteComplete:   create, // shown only to those who ask by its id

	types.StackStatusCreateComplete:         change,
	types.StackStatusUpdateComplete:         change,
	types.StackStatusUpdateRollbackComplete: change,
	types.StackStatusImportComplete:         change,
	types.StackStatusImportRollbackComplete: change,

	types.StackStatusCreateInProgress:                        wait,
	types.StackStatusRollbackInProgress:                      wait,
	types.StackStatusDeleteInProgress:                        wait,
	types.StackStatusUpdateInProgress:                        wait,
	types.StackStatusUpdateCompleteCleanupInProgress:         wait,
	types.StackStatusUpdateRollbackInProgress:                wait,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: wait,
	types.StackStatusImportInProgress:                        wait,
	types.StackStatusImportRollbackInProgress:                wait,

	types.StackStatusRollbackComplete: remove,
	types.StackStatusRollbackFailed:   remove,
	types.StackStatusCreateFailed:     remove,

	types.StackStatusDeleteFailed:         release,
	types.StackStatusUpdateRollbackFailed: resume,
	types.StackStatusUpdateFailed:         undo,
	types.StackStatusImportRollbackFailed: leave,
}

// stepOf is what to do with a stack in that status. A status that CloudFormation has come up with since waits, and is
// reported.
func stepOf(status types.StackStatus) step {
	if s, known := steps[status]; known {
		return s
	}
	return wait
}

// mends says of each step that has to be taken before anything else what it does; the others need no word.
var mends = map[step]string{
	remove:  "it can only be deleted; the addresses are kept, and the next stack takes them up",
	release: "it cannot let go of everything; what is left over is for EC2 to delete",
	resume:  "its roll-back is continued",
	undo:    "what failed is rolled back",
}

// rolledBack are the statuses that tell of an operation that failed: its events say what was to blame.
func rolledBack(status types.StackStatus) bool {
	return slices.Contains([]types.StackStatus{
		types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed,
		types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackFailed, types.StackStatusUpdateFailed,
	}, status)
}

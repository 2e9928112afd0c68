package inmemory

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// updatable: a change set for an update can be made and executed in these (user guide, "Stack status codes": what is
// *_COMPLETE and not gone; CREATE_FAILED and UPDATE_FAILED since roll-back can be disabled: "Choose how to handle
// failures"). ROLLBACK_COMPLETE can only be deleted: seen in many issues, aws/aws-cli#6216 for one.
func updatable(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete,
		types.StackStatusCreateFailed, types.StackStatusUpdateFailed:
		return true
	case types.StackStatusCreateInProgress, types.StackStatusRollbackInProgress, types.StackStatusRollbackFailed,
		types.StackStatusRollbackComplete, types.StackStatusDeleteInProgress, types.StackStatusDeleteFailed,
		types.StackStatusDeleteComplete, types.StackStatusUpdateInProgress, types.StackStatusUpdateCompleteCleanupInProgress,
		types.StackStatusUpdateRollbackInProgress, types.StackStatusUpdateRollbackFailed,
		types.StackStatusUpdateRollbackCompleteCleanupInProgress, types.StackStatusReviewInProgress,
		types.StackStatusImportInProgress, types.StackStatusImportRollbackInProgress, types.StackStatusImportRollbackFailed:
	}
	return false
}

// busy tells whether an operation runs.
func busy(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

func cannotUpdate(s *stack) error {
	return invalid("Stack:%s is in %s state and can not be updated.", s.id, s.status)
}

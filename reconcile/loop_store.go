package reconcile

import (
	"context"
	"errors"
)

// Store keeps what must outlive the process, and shows how things stand. A cluster's API server stands behind it.
type Store interface {
	// Load gives the state that was saved last; nil if none ever was. An error that is [ErrUnreadable] means that it is lost
	// for good; any other, that it may be there and could not be had now.
	Load(context.Context) ([]byte, error)
	// Save writes the state. After an error it is unknown which one a later Load gives.
	Save(context.Context, []byte) error
	// Confirmed gives what somebody wrote to let a held withdrawal go; empty if nobody did.
	Confirmed(context.Context) (string, error)
	// Show writes the status for people and programs: texts by name.
	Show(context.Context, map[string]string) error
}

// ErrUnreadable is what [Store.Load] fails with when the state was tampered with, or parts of it are missing.
var ErrUnreadable = errors.New("the state cannot be read")

package awsec2

// EarlyError says that EC2 does not know yet what it has just made: its calls are eventually consistent, each by itself
// ("Eventual consistency", EC2 API developer guide). The action will do in a later pass.
type EarlyError struct{ Err error }

func (e *EarlyError) Error() string { return e.Err.Error() + " (made just now; EC2 will know it soon)" }

func (e *EarlyError) Unwrap() error { return e.Err }

// NotYet lets package reconcile tell this from a failure.
func (e *EarlyError) NotYet() bool { return true }

// early marks an error about things that were made so lately that no list has them.
func (p *Provider) early(err error, about ...string) error {
	if !IsNotFound(err) {
		return err
	}
	for _, id := range about {
		if p.own.unlisted(id) {
			return &EarlyError{Err: err}
		}
	}
	return err
}

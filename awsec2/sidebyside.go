package awsec2

import (
	"errors"
	"sync"
)

// sideBySide does all at once and waits for all. Nothing is cut short when one fails, so equal trouble gives equal
// errors: in the order of the arguments, not of time.
func sideBySide(all ...func() error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, f := range all {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

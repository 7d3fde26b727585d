package client

import (
	"errors"
	"slices"

	"github.com/foci-store/foci"
)

// tooFew is the error when fewer groups than are needed gave what they have. A
// replica that denies it is the reason by itself: the others will too.
func tooFew(got, groups, need int, what string, failed []error) error {
	if at := slices.IndexFunc(failed, func(err error) bool { return foci.KindOf(err) == foci.Denied }); at >= 0 {
		return failed[at]
	}
	return foci.Errorf(foci.NoQuorum, "%d of %d groups gave their %s, %d are needed: %w", got, groups, what, need, errors.Join(failed...))
}

//go:build !invariants

package lockorder

import "sync"

// Mutex is a mutex with a place in the order. The zero value is unlocked.
type Mutex[R Rank] struct{ sync.Mutex }

package index

import "errors"

// ErrGone is the outcome of a commit to an index that has failed.
var ErrGone = errors.New("the index has failed")

// Commit writes rows while the log is replayed. It does not wait for an index that
// fails meanwhile, or is given up.
func (x *Index) Commit(rows *Rows) error {
	ended := make(chan error, 1)
	go func() { ended <- rows.Commit() }()
	select {
	case err := <-ended:
		return err
	case <-x.gone:
		return ErrGone
	}
}

// Gone returns a channel that is closed when the index has failed or was given up.
func (x *Index) Gone() <-chan struct{} { return x.gone }

// Full returns a channel that is closed while the index waits for space.
func (x *Index) Full() <-chan struct{} {
	if x.files == nil {
		return nil
	}
	return x.files.Full()
}

// Abandon gives the index up: nothing of it is written any more.
func (x *Index) Abandon() {
	x.once.Do(func() { close(x.gone) })
	if x.files != nil {
		x.files.Cut()
	}
}

// IsFull reports whether the index waits for space.
func (x *Index) IsFull() bool { return x.files != nil && x.files.IsFull() }

// Trouble returns why the index cannot write now; "" if it can.
func (x *Index) Trouble() string {
	if why := x.trouble.Load(); why != nil {
		return *why
	}
	return ""
}

// Flush writes out what is in memory.
func (x *Index) Flush() error { return x.db.Flush() }

// Close writes out what is in memory, so that the next start need not replay
// it. Failure loses nothing. An index that has failed, or waits for space, is
// given up.
func (x *Index) Close() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if x.trouble.Load() == nil && x.files != nil {
			if err := x.db.Flush(); err != nil {
				x.log.Warn("index not written out, it will be replayed from the log", "err", err)
			}
		}
		if err := x.db.Close(); err != nil {
			x.log.Warn("index closed with an error", "err", err)
		}
	}()
	select {
	case <-ended:
	case <-x.gone:
	case <-x.Full():
	}
	x.Abandon()
	if x.fork != nil {
		_ = x.fork.Release()
	}
}

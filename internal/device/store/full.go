package store

import (
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
	"github.com/foci-store/foci/internal/device/vfs"
)

// attempt opens the index and recovers, on a goroutine of its own, which waits
// while the disk is full. A backend that is opened on a full disk serves reads
// meanwhile, from an index that changes in memory only; it takes records once
// the attempt has ended.
type attempt struct {
	files *vfs.Waiting
	done  chan recovered
}

// recovered is the outcome of an attempt. Without an index it has failed.
type recovered struct {
	index     *index.Index
	committer *committer
	replayer  *replayer
	err       error
}

// attempt begins to open the index.
func (b *Backend) attempt() *attempt {
	a := &attempt{files: vfs.WaitForSpace(b.opts.FS, b.opts.spaceRetry), done: make(chan recovered, 1)}
	go func() { a.done <- b.openAndRecover(a.files) }()
	return a
}

func (b *Backend) openAndRecover(files *vfs.Waiting) (r recovered) {
	if r.index, r.err = index.Open(b.indexOptions(), files); r.err != nil {
		return r
	}
	log := files.Child()
	r.committer, r.replayer, r.err = b.recover(r.index, log)
	if errors.Is(r.err, index.ErrDamaged) {
		r.index.Close()
		if r.index, r.err = index.Rebuild(b.indexOptions(), files, r.err); r.err != nil {
			return r
		}
		r.committer, r.replayer, r.err = b.recover(r.index, log)
	}
	log.Plain() // from now on a record for which there is no space is refused
	return r
}

func (b *Backend) indexOptions() *index.Options {
	o := &b.opts
	return &index.Options{FS: o.FS, Dir: o.Dir, Backend: b.id, CacheBytes: o.CacheBytes, MemTableBytes: o.MemTableBytes, Logger: o.Logger}
}

// openFull opens a backend whose disk is full. The attempt goes on.
func (b *Backend) openFull(a *attempt) error {
	x, err := index.OpenFork(b.indexOptions(), a.files)
	if err == nil {
		err = b.replayInMemory(x)
	}
	switch {
	case err == nil:
		go b.promote(a)
		return nil
	case x != nil && foci.KindOf(err) == foci.Corrupt:
		a.files.CutAll()
		b.damaged(x, err)
		return nil
	case x != nil:
		x.Close()
	}
	a.files.CutAll()
	return &foci.Error{
		Kind: foci.ReadOnly, Op: "open backend", Where: b.opts.Dir, Msg: "the disk is full", Err: err,
		Fix: "free space on the disk and start the node again",
	}
}

// untouched is a file system in which nothing is cleared away.
type untouched struct{ vfs.FS }

// Remove implements [vfs.FS].
func (untouched) Remove(string) error { return nil }

// replayInMemory replays the log into an index in memory. The tail is made
// durable where it lies: there is no space to copy it.
func (b *Backend) replayInMemory(x *index.Index) error {
	r, chain, tail, err := b.replay(x, untouched{b.opts.FS}, x.Bounded)
	if err != nil {
		return err
	}
	if !mutant.On(mutant.TailUnsynced) {
		if err := chain.Refresh(tail); err != nil {
			return err
		}
	}
	n := 0
	err = chain.ReadTail(tail, func(rec *segment.Record) error {
		n++
		if rec.Kind == segment.Mark {
			return nil
		}
		return r.add(rec, tail.Whole[n-1])
	})
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		return err
	}
	b.install(r, chain.Newest())
	b.inMemory.Store(b.noSpace("the disk is full"))
	b.log.Error("the disk is full: the backend serves reads, and takes records when there is space", "err", b.inMemory.Load())
	return nil
}

// promote waits for the attempt and puts its index in the place of the one in
// memory.
func (b *Backend) promote(a *attempt) {
	var r recovered
	select {
	case r = <-a.done:
	case <-b.closing:
		a.files.CutAll()
		b.refuseQueued(errClosed())
		return
	}
	if r.err != nil {
		why := b.stop(&foci.Error{
			Kind: foci.ReadOnly, Op: "open index", Where: b.opts.Dir, Msg: "no records are taken", Err: r.err,
			Fix: "restart the node",
		})
		if r.index != nil {
			r.index.Close()
		}
		a.files.CutAll() // an index that was given up may still write
		<-b.closing
		b.refuseQueued(why)
		return
	}
	b.life.Lock()
	old := b.index
	b.install(r.replayer, r.committer.prev)
	b.life.Unlock()
	b.start(r.committer)
	b.inMemory.Store(nil)
	old.Close()
	b.log.Info("there is space again: records are taken")
}

// refuseQueued refuses what waits, when nothing has been committed and nothing
// will be. The queue is closed.
func (b *Backend) refuseQueued(why error) {
	for {
		items, ok := b.queue.take(nil, b.opts.MaxQueueRecords, b.opts.MaxQueueBytes)
		if !ok {
			break
		}
		b.refuse(items, why)
	}
	close(b.ended)
}

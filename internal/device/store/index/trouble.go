package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// ErrDamaged marks what is wrong with the index alone, and so mended by
// rebuilding it.
var ErrDamaged = errors.New("the index is damaged")

func Damaged(err error) error {
	if err == nil {
		return nil
	}
	return &foci.Error{
		Kind: foci.Corrupt, Op: "read index", Err: errors.Join(ErrDamaged, err),
		Fix: "restart the node: the index is then rebuilt from the log",
	}
}

// damaged leaves a note that makes the next start rebuild the index: damage
// that a read has met is not always met again while opening.
func (x *Index) damaged(o *Options, what error) {
	x.log.Error("index is damaged; it will be rebuilt when the node is restarted", "err", what)
	if err := vfs.WriteFile(o.FS, o.note(), nil); err != nil {
		x.log.Error("the note that the index is damaged cannot be written: remove the directory before the restart", "err", err)
	}
}

// discardDamaged removes an index that was found to be damaged.
func discardDamaged(o *Options, files *vfs.Waiting) error {
	note := o.note()
	if _, err := o.FS.Stat(note); err != nil {
		return nil // no note
	}
	if err := files.RemoveAll(o.path()); err != nil {
		return err
	}
	if err := vfs.SyncDir(files, o.Dir); err != nil {
		return err
	}
	return files.Remove(note)
}

func (x *Index) troubled(err error) {
	why := "the index cannot write: " + err.Error()
	if x.trouble.Swap(&why) == nil {
		x.log.Error("index cannot write; no records are taken until it can", "err", err)
	}
}

// Infof implements Pebble's logger; its chatter is dropped.
func (x *Index) Infof(string, ...any) {}

// Errorf implements Pebble's logger.
func (x *Index) Errorf(format string, args ...any) { x.log.Debug(fmt.Sprintf(format, args...)) }

// Eventf implements Pebble's tracer.
func (x *Index) Eventf(context.Context, string, ...any) {}

// IsTracingEnabled implements Pebble's tracer.
func (x *Index) IsTracingEnabled(context.Context) bool { return false }

// Fatalf implements Pebble's logger, which expects the process to end. The
// other backends of the process have done nothing wrong, so only the goroutine
// that called ends: it waits for ever, holding what it holds, and the index is
// never asked to write again. Opening it anew takes a new process.
func (x *Index) Fatalf(format string, args ...any) {
	x.failed(fmt.Sprintf(format, args...))
	select {}
}

// failed ends all writing to the index.
func (x *Index) failed(what string) {
	why := "the index has failed, restart the node: " + what
	x.trouble.Store(&why)
	x.log.Error("index failed; the backend takes no records until the node is restarted", "err", why)
	x.Abandon()
}

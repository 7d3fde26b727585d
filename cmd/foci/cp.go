package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/transfer"
)

// maxParallel bounds --parallel.
const maxParallel = 1024

func cpCommand(a *app) *cobra.Command {
	r := remoteFlags{each: true}
	var recursive bool
	var parallel int
	c := &cobra.Command{
		Use:   "cp [-r] SRC DST",
		Short: "Copy files into the store or out of it, whole folders with -r",
		Long: `Copy between this machine and the store: one of SRC and DST is foci://bucket/prefix, the other a
local path. With -r all files below SRC are copied, and keep their paths below DST.

SRC itself may be a symbolic link to a file or folder: it is followed. Below SRC, links, pipes and
devices are skipped and counted. A prefix without keys is not found (exit status 3). A key that would
leave the target folder, or that is no file name, is an error; other files are still copied, and the
exit status is 1 at the end. Files appear under their names only when they are whole.

  foci cp report.pdf foci://docs/
  foci cp -r ~/pictures foci://pictures/2026
  foci cp -r foci://pictures/2026 /tmp/pictures`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if parallel < 1 || parallel > maxParallel {
				return usagef("--parallel %d: want 1 to %d", parallel, maxParallel)
			}
			from, to, err := parseSides(args[0], args[1])
			if err != nil {
				return err
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				return a.copy(c.Context(), transfer.Options{Objects: transfer.Through(s), From: from, To: to, Recursive: recursive, Parallel: parallel})
			})
		},
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "copy all files below SRC")
	c.Flags().IntVar(&parallel, "parallel", 16, "how many files at a time")
	r.add(a, c)
	r.addLevels(c, true)
	return c
}

// parseSides reads source and target.
func parseSides(src, dst string) (from, to transfer.Place, err error) {
	if from, err = transfer.ParsePlace(src); err == nil {
		to, err = transfer.ParsePlace(dst)
	}
	return from, to, err
}

// copy runs the whole command and prints its summary.
func (a *app) copy(ctx context.Context, o transfer.Options) error {
	c, err := transfer.New(ctx, o)
	if err != nil {
		return err
	}
	onFile, finish := a.showCopy()
	sum, first := c.Run(ctx, onFile)
	finish()
	err = a.print(sum, func() error {
		return a.line("%s", copied(sum))
	})
	switch {
	case err != nil:
		return err
	case sum.Errors == 0:
		return nil
	case o.Recursive:
		return errReported
	}
	return errors.Join(errReported, first) // one file: its own exit status
}

// copied is the summary of a copy for people.
func copied(s transfer.Summary) string {
	return fmt.Sprintf("%d files, %v, %d skipped, %d errors in %.1f s (%v/s)",
		s.Files, settings.Size(s.Bytes), s.Skipped, s.Errors, s.Seconds, settings.Size(float64(s.Bytes)/max(s.Seconds, 1e-3)))
}

// showCopy reports files that are skipped or fail and, on a terminal, shows files
// and bytes so far below these messages.
func (a *app) showCopy() (onFile func(transfer.Event), finish func()) {
	var files, bytes atomic.Int64
	messages := a.stderr
	finish = func() {}
	if a.onTerminal() {
		p := mpb.New(mpb.WithOutput(a.stderr))
		b := p.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			return fmt.Sprintf("%d files, %v", files.Load(), settings.Size(bytes.Load()))
		})))
		messages, finish = p, func() {
			b.Abort(true)
			p.Wait()
		}
	}
	onFile = func(e transfer.Event) {
		switch {
		case e.Err != nil:
			tell(messages, "%s: %v", e.Path, e.Err)
		case e.Skipped != "":
			tell(messages, "%s: skipped: %s", e.Path, e.Skipped)
		default:
			files.Add(1)
			bytes.Add(e.Bytes)
		}
	}
	return onFile, finish
}

package main

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// quickSize is the size, in bytes, below which a transfer shows no progress:
// it would only flicker.
const quickSize = 8 << 20

// bar is the progress of one transfer; nil shows nothing.
type bar struct {
	all *mpb.Progress
	one *mpb.Bar
}

// onTerminal reports whether messages go to people who look at them now.
func (a *app) onTerminal() bool {
	f, ok := a.stderr.(*os.File)
	return ok && !a.json && cwriter.IsTerminal(int(f.Fd()))
}

// bar shows a transfer of total bytes, -1 when that is unknown.
func (a *app) bar(name string, total int64) *bar {
	if !a.onTerminal() || total >= 0 && total < quickSize {
		return nil
	}
	b := &bar{all: mpb.New(mpb.WithOutput(a.stderr))}
	b.one = b.all.AddBar(max(total, 0),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(shown(name)+" ")),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), " % .1f")),
	)
	return b
}

// reader counts what is read.
func (b *bar) reader(r io.Reader) io.Reader {
	if b == nil {
		return r
	}
	return b.one.ProxyReader(r)
}

// writer counts what is written.
func (b *bar) writer(w io.Writer) io.Writer {
	if b == nil {
		return w
	}
	return b.one.ProxyWriter(w)
}

func (b *bar) done() {
	if b == nil {
		return
	}
	b.one.Abort(true)
	b.all.Wait()
}

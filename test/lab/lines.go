package lab

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// Lines appends lines, each of which is there once in the whole world, to a few
// objects, and remembers what became of each.
type Lines struct {
	t       testing.TB
	session *client.Session
	bucket  string
	stop    context.CancelFunc
	callers sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]string // object, by line
	unknown map[string]string
	failed  int
	silent  error // one that does not say what happened
}

const (
	lineCallers = 4
	lineObjects = 5
)

// Lines starts to append to objects of a bucket of its own.
func (l *Lab) Lines(cl *client.Client, bucket string, timeout time.Duration) *Lines {
	ctx, cancel := context.WithCancel(l.t.Context())
	d := &Lines{
		t: l.t, session: cl.Session(client.SessionOptions{Timeout: timeout}), bucket: bucket, stop: cancel,
		acked: map[string]string{}, unknown: map[string]string{},
	}
	for caller := range lineCallers {
		d.callers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				d.add(ctx, fmt.Sprintf("object-%d", (caller+i)%lineObjects), fmt.Sprintf("caller-%d-line-%d", caller, i))
			}
		})
	}
	l.t.Cleanup(d.Stop)
	return d
}

func (d *Lines) add(ctx context.Context, object, line string) {
	_, err := d.session.Append(ctx, foci.Name{Bucket: d.bucket, Key: object}, strings.NewReader(line+"\n"), int64(len(line)+1))
	d.mu.Lock()
	defer d.mu.Unlock()
	switch kind := foci.KindOf(err); {
	case err == nil:
		d.acked[line] = object
	case kind == foci.OutcomeUnknown || ctx.Err() != nil:
		d.unknown[line] = object
	case kind == foci.Internal:
		d.silent = err
	default:
		d.failed++
	}
}

// Stop ends the load and waits for its callers. It may be called twice.
func (d *Lines) Stop() {
	d.stop()
	d.callers.Wait()
}

// ReadBack reads all objects and looks for every line: acknowledged ones are
// there once, those of unknown outcome once or not at all, no others.
func (d *Lines) ReadBack() {
	d.t.Helper()
	d.Stop()
	seen := map[string]int{}
	for i := range lineObjects {
		object := fmt.Sprintf("object-%d", i)
		text, err := d.read(object)
		if err != nil {
			d.t.Errorf("%s: %v", object, err)
			continue
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			seen[line]++
			if d.acked[line] != object && d.unknown[line] != object {
				d.t.Errorf("%s has the line %q, which nobody knows to be there", object, line)
			}
		}
	}
	lost, doubled := 0, 0
	for line := range d.acked {
		if seen[line] == 0 {
			lost++
		}
	}
	for _, n := range seen {
		if n > 1 {
			doubled++
		}
	}
	if lost+doubled > 0 {
		d.t.Errorf("of %d acknowledged lines %d are lost; %d lines are doubled", len(d.acked), lost, doubled)
	}
	if d.silent != nil {
		d.t.Errorf("an append failed without saying why: %v", d.silent)
	}
	d.t.Logf("%d lines were acknowledged, %d are of unknown outcome, %d failed", len(d.acked), len(d.unknown), d.failed)
}

func (d *Lines) read(object string) (string, error) {
	o, err := d.session.Get(d.t.Context(), foci.Name{Bucket: d.bucket, Key: object}, client.GetOptions{})
	if err != nil {
		return "", err
	}
	defer o.Close()
	b, err := io.ReadAll(o)
	return string(b), err
}

package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// The crash test runs random workloads on files in memory, clones them at
// random moments to what a crash would leave, opens the clone and compares.
//
//	FOCI_CRASH_POINTS=100000   how many moments
//	FOCI_CRASH_SEED=123        one workload alone, to replay a failure
const (
	defaultCrashPoints = 200
	pointsPerWorkload  = 10
	groupsPerWorkload  = 24
)

func TestCrashPoints(t *testing.T) {
	if text := os.Getenv("FOCI_CRASH_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		crashWorkload(t, seed)
		return
	}
	points := defaultCrashPoints
	if text := os.Getenv("FOCI_CRASH_POINTS"); text != "" {
		var err error
		if points, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	done := 0
	for seed := uint64(1); done < points && !t.Failed(); seed++ {
		done += crashWorkload(t, seed)
	}
	t.Logf("%d crash points", done)
}

// history is what a workload has sent and what was acknowledged, in order.
type history struct {
	sent      []record.Record
	acked     []bool // parallel to sent
	watermark record.Watermark
	epoch     foci.Epoch // highest acknowledged
	asked     foci.Epoch // highest asked for
	raise     int        // watermarks asked for
}

func (h *history) clone() *history {
	c := *h
	c.acked = append([]bool{}, h.acked...)
	return &c
}

// crashPoint is a moment: what the crash left, and what had been promised.
type crashPoint struct {
	fs      *vfs.Crashable
	promise *history
	how     vfs.Crash
	lose    bool // the index
	again   bool // crash once more, during recovery
}

func (p *crashPoint) String() string {
	return fmt.Sprintf("kept %d %%, torn at %d, index lost %v, crashed again %v", p.how.Keep, p.how.Unit, p.lose, p.again)
}

// crashWorkload runs one workload and checks its crash points; it reports how
// many there were.
func crashWorkload(t *testing.T, seed uint64) int {
	rng := rand.New(rand.NewPCG(seed, 7))
	points := recordCrashes(t, rng)
	for i, p := range points {
		if err := p.check(); err != nil {
			t.Errorf("crash point %d (%v): %v\nreplay with:\n\tFOCI_CRASH_SEED=%d go test -run 'TestCrashPoints$' ./internal/device/store",
				i, p, err, seed)
			break
		}
	}
	return len(points)
}

// recordCrashes runs a workload group by group: each group is queued at once,
// so that it is committed as one, and the crashes fall between and within the
// file operations that commit it.
func recordCrashes(t *testing.T, rng *rand.Rand) []*crashPoint {
	disk := vfs.NewCrashable()
	w := &crashRun{t: t, rng: rng, disk: disk}
	o := testOptions(vfs.WithErrors(disk, w.before))
	o.SegmentBytes = minSegmentBytes << rng.IntN(5)
	b := open(t, o)
	for range groupsPerWorkload {
		if rng.IntN(12) == 0 { // an orderly restart
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = open(t, o)
		}
		w.group(b)
		w.maybe(3)
	}
	w.stop()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return w.points
}

var keepChoices = []int{0, 10, 50, 50, 90, 100}

// crash clones the disk as a crash at this moment would leave it.
func (w *crashRun) crash() {
	how := vfs.Crash{
		Keep: keepChoices[w.rng.IntN(len(keepChoices))], Unit: vfs.Page, Source: w.rng.Uint64(),
	}
	if w.rng.IntN(2) == 0 {
		how.Unit = vfs.Sector
	}
	// What was promised is taken first: what is promised meanwhile is on the
	// disk, but need not be.
	p := &crashPoint{promise: w.hist.clone(), how: how, lose: w.rng.IntN(4) == 0, again: w.rng.IntN(4) == 0}
	p.fs = w.disk.Clone(how)
	w.points = append(w.points, p)
}

// check opens what the crash left and compares it with what was promised.
func (p *crashPoint) check() error {
	if p.lose {
		if err := p.fs.RemoveAll("/backend/index"); err != nil {
			return err
		}
	}
	if p.again {
		b, err := Open(testOptions(p.fs))
		if err != nil {
			return fmt.Errorf("open before the second crash: %w", err)
		}
		fs := p.fs.Clone(p.how)
		if err := b.Close(); err != nil {
			return err
		}
		p.fs = fs
	}
	b, err := Open(testOptions(p.fs))
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if b.notReady != nil {
		return fmt.Errorf("a crash was taken for damage: %w", b.notReady)
	}
	if err := p.promise.kept(b); err != nil {
		return err
	}
	replayed, err := b.index.Dump()
	if err != nil {
		return err
	}
	if err := b.Close(); err != nil {
		return err
	}
	return p.rebuilt(replayed)
}

// rebuilt deletes the index and expects the same one again.
func (p *crashPoint) rebuilt(replayed []byte) error {
	if err := p.fs.RemoveAll("/backend/index"); err != nil {
		return err
	}
	b, err := Open(testOptions(p.fs))
	if err != nil {
		return fmt.Errorf("open without an index: %w", err)
	}
	if b.notReady != nil {
		return fmt.Errorf("open without an index: %w", b.notReady)
	}
	fresh, err := b.index.Dump()
	if err != nil {
		return err
	}
	if !bytes.Equal(replayed, fresh) {
		return fmt.Errorf("the rebuilt index differs:\n%s\nreplayed:\n%s", fresh, replayed)
	}
	return b.Close()
}

// kept fails unless everything acknowledged is there, byte for byte, and
// everything else that was sent is there whole or not at all.
func (h *history) kept(b *Backend) error {
	m := storetest.NewModel()
	for i := range h.sent {
		r := &h.sent[i]
		state, err := b.Have(r.ID, r.Version, r.Hash)
		if err != nil {
			return err
		}
		if state != wire.HaveStored && h.acked[i] {
			return fmt.Errorf("acknowledged %v %v of %q is lost: have says %v", r.Op, r.Version, r.Name.Key, state)
		}
		if state == wire.HaveStored {
			if _, err := m.Add(*r); err != nil {
				return err
			}
		}
	}
	// Every object of the workload lies in the range of the one watermark.
	watermark := b.Watermark(foci.ID{})
	if watermark.Drops < h.watermark.Drops || watermark.Drops > uint64(h.raise) || watermark.Version.Less(h.watermark.Version) {
		return fmt.Errorf("watermark %v, promised %v, %d were asked for", watermark, h.watermark, h.raise)
	}
	if e := b.Epoch(); e < h.epoch || e > h.asked {
		return fmt.Errorf("epoch %d, promised %d, asked for %d", e, h.epoch, h.asked)
	}
	return storetest.Compare(withoutWatermark{b}, m)
}

// withoutWatermark shows votes without watermarks, which the model does not know.
type withoutWatermark struct{ *Backend }

func (f withoutWatermark) Query(id foci.ID, inline uint32) (record.Vote, *record.Record, error) {
	v, r, err := f.Backend.Query(id, inline)
	v.Watermark = record.Watermark{}
	return v, r, err
}

func (f withoutWatermark) Scan(from, to foci.ID, fn func(foci.ID, record.Vote) bool) error {
	return f.Backend.Scan(from, to, func(id foci.ID, v record.Vote) bool {
		v.Watermark = record.Watermark{}
		return fn(id, v)
	})
}

func (f withoutWatermark) List(l *wire.List) (wire.ListReply, error) {
	rep, err := f.Backend.List(l)
	for i := range rep.Keys {
		rep.Keys[i].Vote.Watermark = record.Watermark{}
	}
	return rep, err
}

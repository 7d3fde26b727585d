package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

func benchOptions(b testing.TB) Options {
	return Options{Dir: b.TempDir(), Cluster: "bench", Now: func() int64 { return storetest.Now }}
}

// BenchmarkPut1K is 64 writers of 1 KiB records, fsynced, beside the same
// number of writers that share the fsyncs of a bare append-only file.
func BenchmarkPut1K(b *testing.B) { benchPut(b, 64, 1<<10) }

// BenchmarkPut4M is one writer of 4 MiB records beside a bare append and fsync.
func BenchmarkPut4M(b *testing.B) { benchPut(b, 1, 4<<20) }

func benchPut(b *testing.B, writers, size int) {
	s := open(b, benchOptions(b))
	defer func() { _ = s.Close() }()
	bare := newBareFile(b)
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(rand.Uint32())
	}
	var next atomic.Int64
	put := func(done chan error) error {
		r := storetest.Record(record.OpPut, fmt.Sprintf("object/%d", next.Add(1)), 1, payload, nil)
		s.Put(&wire.Store{Record: r}, func(_ bool, err error) { done <- err })
		return <-done
	}
	appendBare := func(done chan error) error { bare.put(payload, done); return <-done }
	// Disks are moody: both take turns, in small portions.
	var ours, theirs time.Duration
	b.SetBytes(int64(size))
	portion := max(min(b.N, 32*writers), 1)
	for left := b.N; left > 0; left -= portion {
		n := min(left, portion)
		ours += together(b, writers, n, put)
		b.StopTimer()
		theirs += together(b, writers, n, appendBare)
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/ours.Seconds(), "puts/s")
	b.ReportMetric(float64(b.N)/theirs.Seconds(), "bare/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}

// together has n calls made by a number of goroutines.
func together(b *testing.B, writers, n int, call func(chan error) error) time.Duration {
	start := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			done := make(chan error, 1)
			for left.Add(-1) >= 0 {
				if err := call(done); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// bareFile is the limit: what is appended is written and fsynced in groups,
// with no names, checksums or index.
type bareFile struct {
	file vfs.File
	puts chan barePut
}

type barePut struct {
	data []byte
	done chan error
}

func newBareFile(b *testing.B) *bareFile {
	f, err := vfs.Create(vfs.OS(), filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	a := &bareFile{file: f, puts: make(chan barePut, 1024)}
	go a.run()
	b.Cleanup(func() { close(a.puts) })
	return a
}

func (a *bareFile) put(data []byte, done chan error) { a.puts <- barePut{data, done} }

func (a *bareFile) run() {
	var group []barePut
	var buf []byte
	for first := range a.puts {
		group, buf = append(group[:0], first), append(buf[:0], first.data...)
		for len(a.puts) > 0 {
			p := <-a.puts
			group, buf = append(group, p), append(buf, p.data...)
		}
		_, err := a.file.Write(buf)
		if err == nil {
			err = a.file.SyncData()
		}
		for _, p := range group {
			p.done <- err
		}
	}
	_ = a.file.Close()
}

// BenchmarkGet1K is random reads of 1 KiB objects that are in memory, by one
// goroutine on one core.
func BenchmarkGet1K(b *testing.B) {
	const objects = 20_000
	s := open(b, benchOptions(b))
	defer func() { _ = s.Close() }()
	ids := fill(b, s, objects, 1<<10)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b.ReportAllocs()
	for b.Loop() {
		_, rec, err := s.Query(ids[rand.IntN(objects)], wire.MaxInline)
		if err != nil || len(rec.Payload) != 1<<10 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "gets/s")
}

// fill stores n objects, many at a time.
func fill(t testing.TB, s *Backend, n, size int) []foci.ID {
	ids := make([]foci.ID, n)
	slots := make(chan struct{}, 2048)
	payload := make([]byte, size)
	for i := range ids {
		r := storetest.Record(record.OpPut, fmt.Sprintf("some/folder/object-%d", i), 1, payload, nil)
		ids[i] = r.ID
		slots <- struct{}{}
		s.Put(&wire.Store{Record: r}, func(_ bool, err error) {
			if err != nil {
				t.Error(err)
			}
			<-slots
		})
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	return ids
}

// TestMemory measures what a backend with many keys keeps in memory. It takes
// minutes, so it wants to be asked: FOCI_MEMORY_KEYS=2000000.
func TestMemory(t *testing.T) {
	keys, _ := strconv.Atoi(os.Getenv("FOCI_MEMORY_KEYS"))
	if keys == 0 {
		t.Skip("FOCI_MEMORY_KEYS is not set")
	}
	s := open(t, benchOptions(t))
	ids := fill(t, s, keys, 16)
	sample := ids[:1000]
	ids = nil
	for _, id := range sample {
		if v, _, err := s.Query(id, 0); err != nil || v.Count != 1 {
			t.Fatal(v, err)
		}
	}
	debug.FreeOSMemory()
	mb := residentMB(t)
	t.Logf("%d keys: %d MB resident", keys, mb)
	if mb > 150 {
		t.Errorf("%d MB resident, at most 150 are allowed", mb)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_ = ids
}

func residentMB(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

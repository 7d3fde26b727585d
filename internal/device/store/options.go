package store

import (
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Options say where a backend is and how much it may take. Zero values mean
// what each field says.
type Options struct {
	FS      vfs.FS         // nil: the operating system's
	Dir     string         // the backend's directory; made when missing
	Cluster string         // name of the cluster; a directory of another one is refused
	ID      foci.BackendID // zero: the one stored in the directory, or a new one
	Now     func() int64   // the node's clock, nanoseconds since 1970; nil: time.Now

	SegmentBytes    int64 // a segment is closed beyond this size; 0: 256 MiB; at most 1 GiB
	MaxBatchRecords int   // records committed by one fsync; 0: 1024
	MaxBatchBytes   int64 // bytes committed by one fsync; 0: 16 MiB
	MaxQueueRecords int   // records that wait for their fsync, over it Put is Busy; 0: 8192
	MaxQueueBytes   int64 // bytes that wait for their fsync, over it Put is Busy; 0: 64 MiB
	MaxHints        int   // hints kept, one for each object and group; over it Hint is TooLarge; 0: 1,048,576
	ReserveBytes    int64 // free space that writes leave on the disk; 0: 64 MiB; negative: none
	CacheBytes      int64 // the index's block cache; 0: 16 MiB
	MemTableBytes   int64 // the index's memory table, small, because its searches miss the processor's cache; 0: 4 MiB

	Logger *slog.Logger // nil: slog.Default

	spaceRetry time.Duration // while the disk is full the index tries again so often; 0: 100 ms
}

const (
	mib             = 1 << 20
	minSegmentBytes = 4 << 10
	maxRecordBytes  = segment.MaxHead + foci.MaxPayload
)

func (o *Options) fill() error {
	if o.Dir == "" || o.Cluster == "" {
		return foci.Errorf(foci.Invalid, "backend: a directory and the name of its cluster are needed")
	}
	if o.FS == nil {
		o.FS = vfs.OS()
	}
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixNano() }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, d := range []struct {
		name           string
		value          *int64
		std, low, high int64
	}{
		{"SegmentBytes", &o.SegmentBytes, 256 * mib, minSegmentBytes, segment.MaxSize},
		{"MaxBatchBytes", &o.MaxBatchBytes, 16 * mib, 1, 256 * mib},
		{"MaxQueueBytes", &o.MaxQueueBytes, 64 * mib, maxRecordBytes, 1 << 40},
		{"CacheBytes", &o.CacheBytes, 16 * mib, 64 << 10, 1 << 40},
		{"MemTableBytes", &o.MemTableBytes, 4 * mib, 64 << 10, 1 << 30},
	} {
		if *d.value == 0 {
			*d.value = d.std
		}
		if *d.value < d.low || *d.value > d.high {
			return foci.Errorf(foci.Invalid, "backend: %s is %d, want %d to %d", d.name, *d.value, d.low, d.high)
		}
	}
	if o.spaceRetry == 0 {
		o.spaceRetry = 100 * time.Millisecond
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 64 * mib
	}
	if o.MaxBatchRecords == 0 {
		o.MaxBatchRecords = 1024
	}
	if o.MaxQueueRecords == 0 {
		o.MaxQueueRecords = 8192
	}
	if o.MaxHints == 0 {
		o.MaxHints = 1 << 20
	}
	if o.MaxBatchRecords < 1 || o.MaxQueueRecords < 1 || o.MaxHints < 1 {
		return foci.Errorf(foci.Invalid, "backend: MaxBatchRecords, MaxQueueRecords and MaxHints must be positive")
	}
	return nil
}

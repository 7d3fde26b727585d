package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strconv"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// Bucket is where [Objects] keeps its objects.
const Bucket = "foci-bench"

// Modes are the loads that [Objects] can generate.
var Modes = []string{"put", "get", "mixed", "append"}

// Options say what [Objects] measures.
type Options struct {
	Mode        string // one of Modes
	Size        int64  // bytes of each object, or of each append
	Count       int64  // operations
	Concurrency int    // operations at a time
	Dir         string // a directory on the disk whose limit is measured
}

// Report is what [Objects] measured. The ratios are the cluster's operations per
// second by the machine's.
type Report struct {
	Mode        string        `json:"mode"`
	Size        int64         `json:"size"`
	Count       int64         `json:"count"`
	Concurrency int           `json:"concurrency"`
	Ack         string        `json:"ack"`
	Results     []RatedResult `json:"results"`
	Disk        Rate          `json:"limit_disk"`
	Net         Rate          `json:"limit_net"`
}

// RatedResult is a result beside the limits of the machine.
type RatedResult struct {
	Result
	OfDisk float64 `json:"ratio_disk"`
	OfNet  float64 `json:"ratio_net"`
}

// Failed returns how many operations failed.
func (r *Report) Failed() int64 {
	n := int64(0)
	for i := range r.Results {
		n += r.Results[i].Errors
	}
	return n
}

// Objects runs a load of operations on objects through s, then measures the
// limits of the machine for the same sizes. Failed operations are counted in the
// report; they are not an error of the run.
func Objects(ctx context.Context, s *client.Session, o Options) (*Report, error) {
	t := target{s: s, prefix: rand.Text()[:8] + "/", size: o.Size, bytes: make([]byte, o.Size)}
	_, _ = rand.Read(t.bytes)
	ops, err := t.ops(ctx, &o)
	if err != nil {
		return nil, err
	}
	r := &Report{Mode: o.Mode, Size: o.Size, Count: o.Count, Concurrency: o.Concurrency}
	l := Load{Ops: ops, Count: o.Count, Concurrency: o.Concurrency}
	results := l.Run(ctx)
	if ctx.Err() != nil {
		return nil, foci.Errorf(foci.Canceled, "given up: %w", context.Cause(ctx))
	}
	if r.Disk, err = DiskLimit(ctx, o.Dir, int(o.Size), o.Concurrency); err != nil {
		return nil, foci.Errorf(foci.Internal, "measuring the disk of %s: %w", o.Dir, err)
	}
	if r.Net, err = NetLimit(ctx, int(o.Size), o.Concurrency); err != nil {
		return nil, unmeasured("a TCP connection", err)
	}
	for _, res := range results {
		r.Results = append(r.Results, RatedResult{res, res.PerSecond / r.Disk.PerSecond, res.PerSecond / r.Net.PerSecond})
	}
	return r, nil
}

// target makes the operations of a load.
type target struct {
	s      *client.Session
	prefix string // new for each run
	size   int64
	bytes  []byte // the content of every object; Foci does not deduplicate
}

// Bounds on what is put before gets are measured.
const (
	preparedObjects = 1024
	preparedBytes   = 1 << 30
)

func (t *target) ops(ctx context.Context, o *Options) ([]Op, error) {
	put := Op{Name: "put", Size: t.size}
	get := Op{Name: "get", Size: t.size}
	switch o.Mode {
	case "put":
		put.Do = t.put
		return []Op{put}, nil
	case "append":
		// As many objects as callers: a session runs an object's appends one at a
		// time.
		do := func(ctx context.Context, i int64) error { return t.append(ctx, i%int64(o.Concurrency)) }
		return []Op{{Name: "append", Size: t.size, Do: do}}, nil
	}
	n := max(1, min(o.Count, preparedObjects, preparedBytes/max(1, t.size)))
	fill := Load{Count: n, Concurrency: o.Concurrency, Ops: []Op{{Do: t.put}}}
	if r := fill.Run(ctx)[0]; r.Errors > 0 {
		return nil, foci.Errorf(foci.Internal, "putting what is to be read: %d of %d failed, the first with: %s", r.Errors, n, r.FirstErr)
	}
	get.Do = func(ctx context.Context, i int64) error { return t.get(ctx, i%n) }
	if o.Mode == "get" {
		return []Op{get}, nil
	}
	put.Do = func(ctx context.Context, i int64) error { return t.put(ctx, i%n) }
	return []Op{put, get}, nil
}

func (t *target) name(i int64) foci.Name {
	return foci.Name{Bucket: Bucket, Key: t.prefix + strconv.FormatInt(i, 10)}
}

func (t *target) put(ctx context.Context, i int64) error {
	_, err := t.s.Put(ctx, t.name(i), bytes.NewReader(t.bytes), t.size, client.PutOptions{})
	return err
}

func (t *target) append(ctx context.Context, i int64) error {
	_, err := t.s.Append(ctx, t.name(i), bytes.NewReader(t.bytes), t.size)
	return err
}

// get reads an object and checks its length.
func (t *target) get(ctx context.Context, i int64) error {
	o, err := t.s.Get(ctx, t.name(i), client.GetOptions{Length: -1})
	if err != nil {
		return err
	}
	defer o.Close()
	n, err := o.WriteTo(io.Discard)
	if err == nil && n != t.size {
		return foci.Errorf(foci.Corrupt, "%v: got %d bytes, want %d", t.name(i), n, t.size)
	}
	return err
}

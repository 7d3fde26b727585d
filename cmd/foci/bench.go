package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// benchFlags are what bench is asked for.
type benchFlags struct {
	remote      remoteFlags
	size        byteSize
	count       int64
	concurrency int
	dir         string
}

// benchModes are the loads that bench can make.
var benchModes = []string{"put", "get", "mixed", "append"}

func benchCommand(a *app) *cobra.Command {
	b := benchFlags{size: 1 << 10, remote: remoteFlags{each: true}}
	c := &cobra.Command{
		Use:   "bench put|get|mixed|append",
		Short: "Measure the cluster, and the machine's own limits beside it",
		Long: `Measure operations on the cluster: how many a second, and how long each took. In the same run
it measures what the machine can do at best with the same bytes: appending them to a bare file in
--dir with fsync, and echoing them over one bare TCP connection; and prints the ratios. The objects
stay in bucket foci-bench.

  foci bench put --size 1KiB --count 20000 --concurrency 64
  foci bench mixed --size 4MiB --count 500 --concurrency 8 --json`,
		Args:      usageArgs(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: benchModes,
		RunE: func(c *cobra.Command, args []string) error {
			if err := validLoad(b.size, b.count, b.concurrency); err != nil {
				return err
			}
			return b.remote.session(c.Context(), a, func(s *client.Session) error { return a.bench(c.Context(), s, &b, args[0]) })
		},
	}
	f := c.Flags()
	f.Var(&b.size, "size", "bytes of each object, or of each append")
	f.Int64Var(&b.count, "count", 10000, "how many operations")
	f.IntVar(&b.concurrency, "concurrency", 64, "how many at a time")
	f.StringVar(&b.dir, "dir", ".", "directory on the disk whose limit is measured; best the cluster's")
	b.remote.add(a, c)
	b.remote.addLevels(c, true)
	c.AddCommand(benchMeshCommand(a))
	return c
}

// benchReport is what bench prints with --json. The ratios are the cluster's
// operations per second by the machine's.
type benchReport struct {
	Mode        string        `json:"mode"`
	Size        int64         `json:"size"`
	Count       int64         `json:"count"`
	Concurrency int           `json:"concurrency"`
	Ack         string        `json:"ack"`
	Results     []benchResult `json:"results"`
	Disk        limitRate     `json:"limit_disk"`
	Net         limitRate     `json:"limit_net"`
}

type benchResult struct {
	loadResult
	OfDisk float64 `json:"ratio_disk"`
	OfNet  float64 `json:"ratio_net"`
}

func (a *app) bench(ctx context.Context, s *client.Session, b *benchFlags, mode string) error {
	l := load{count: b.count, concurrency: b.concurrency}
	t := benchTarget{s: s, prefix: rand.Text()[:8] + "/", size: int64(b.size), bytes: make([]byte, b.size)}
	_, _ = rand.Read(t.bytes)
	var err error
	if l.ops, err = t.ops(ctx, mode, b); err != nil {
		return err
	}
	r := benchReport{Mode: mode, Size: int64(b.size), Count: b.count, Concurrency: b.concurrency, Ack: b.remote.ack.String()}
	results := l.run(ctx)
	if ctx.Err() != nil {
		return foci.Errorf(foci.Canceled, "given up: %w", context.Cause(ctx))
	}
	if r.Disk, err = diskLimit(ctx, b.dir, int(b.size), b.concurrency); err != nil {
		return foci.Errorf(foci.Internal, "measuring the disk of %s: %w", b.dir, err)
	}
	if r.Net, err = netLimit(ctx, int(b.size), b.concurrency); err != nil {
		return foci.Errorf(foci.Internal, "measuring a TCP connection: %w", err)
	}
	failed := int64(0)
	for _, res := range results {
		failed += res.Errors
		r.Results = append(r.Results, benchResult{res, res.PerSecond / r.Disk.PerSecond, res.PerSecond / r.Net.PerSecond})
	}
	if err := a.print(r, func() error { return a.printBench(&r) }); err != nil {
		return err
	}
	if failed > 0 {
		return foci.Errorf(foci.Internal, "%d operations failed", failed)
	}
	return nil
}

func (a *app) printBench(r *benchReport) error {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	row := func(name string, perSecond, bytes float64, rest ...string) []string {
		return append([]string{name, number(perSecond), fmt.Sprintf("%.1f", bytes/1e6)}, rest...)
	}
	var rows [][]string
	for _, o := range r.Results {
		rows = append(rows, row(o.Op, o.PerSecond, o.Bytes, number(o.P50), number(o.P99), number(o.P999), number(o.Max),
			strconv.FormatInt(o.Errors, 10), fmt.Sprintf("%.3f", o.OfDisk), fmt.Sprintf("%.3f", o.OfNet)))
		if o.FirstErr != "" {
			a.message("first error of %s: %s", o.Op, o.FirstErr)
		}
	}
	rows = append(rows, row("limit:disk", r.Disk.PerSecond, r.Disk.Bytes), row("limit:net", r.Net.PerSecond, r.Net.Bytes))
	return a.table("OP OPS/S MB/S P50µs P99µs P99.9µs MAXµs ERRORS OF-DISK OF-NET", rows)
}

// benchTarget makes the operations of a load.
type benchTarget struct {
	s      *client.Session
	prefix string // new for each run
	size   int64
	bytes  []byte // the content of every object: nothing in Foci looks for equal ones
}

// prepared bounds what is put before gets can be measured.
const (
	preparedObjects = 1024
	preparedBytes   = 1 << 30
)

func (t *benchTarget) ops(ctx context.Context, mode string, b *benchFlags) ([]loadOp, error) {
	put := loadOp{name: "put", size: t.size}
	get := loadOp{name: "get", size: t.size}
	switch mode {
	case "put":
		put.do = t.put
		return []loadOp{put}, nil
	case "append":
		// As many objects as callers: an object's appends by one session run
		// one at a time.
		do := func(ctx context.Context, i int64) error { return t.append(ctx, i%int64(b.concurrency)) }
		return []loadOp{{name: "append", size: t.size, do: do}}, nil
	}
	n := max(1, min(b.count, preparedObjects, preparedBytes/max(1, t.size)))
	fill := load{count: n, concurrency: b.concurrency, ops: []loadOp{{do: t.put}}}
	if r := fill.run(ctx)[0]; r.Errors > 0 {
		return nil, foci.Errorf(foci.Internal, "putting what is to be read: %d of %d failed, the first with: %s", r.Errors, n, r.FirstErr)
	}
	get.do = func(ctx context.Context, i int64) error { return t.get(ctx, i%n) }
	if mode == "get" {
		return []loadOp{get}, nil
	}
	put.do = func(ctx context.Context, i int64) error { return t.put(ctx, i%n) }
	return []loadOp{put, get}, nil
}

func (t *benchTarget) name(i int64) foci.Name {
	return foci.Name{Bucket: benchBucket, Key: t.prefix + strconv.FormatInt(i, 10)}
}

func (t *benchTarget) put(ctx context.Context, i int64) error {
	_, err := t.s.Put(ctx, t.name(i), bytes.NewReader(t.bytes), t.size, nil)
	return err
}

func (t *benchTarget) append(ctx context.Context, i int64) error {
	_, err := t.s.Append(ctx, t.name(i), bytes.NewReader(t.bytes), t.size)
	return err
}

// get reads an object and checks that all of it came.
func (t *benchTarget) get(ctx context.Context, i int64) error {
	o, err := t.s.Get(ctx, t.name(i), client.GetOptions{Length: -1})
	if err != nil {
		return err
	}
	defer o.Close()
	n, err := o.WriteTo(io.Discard)
	if err == nil && n != t.size {
		return foci.Errorf(foci.Corrupt, "%v: %d bytes came, want %d", t.name(i), n, t.size)
	}
	return err
}

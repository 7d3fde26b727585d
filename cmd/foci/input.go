package main

import (
	"context"
	"io"
	"os"

	"github.com/foci-store/foci"
)

// readAhead is how many bytes are read at a time of input that may block.
const readAhead = 256 << 10

// interruptible reads input that may block for ever, as a pipe does, and stops waiting
// when ctx ends. A read in progress then continues until the process exits.
type interruptible struct {
	ctx  context.Context
	from io.Reader

	reading bool // a read is under way
	done    chan readResult
	buf     []byte
	rest    []byte // of buf: read, and not given to the caller yet
	err     error  // what follows rest
}

type readResult struct {
	n   int
	err error
}

func newInterruptible(ctx context.Context, from io.Reader) *interruptible {
	return &interruptible{ctx: ctx, from: from, done: make(chan readResult, 1), buf: make([]byte, readAhead)}
}

// Read gives what is there, or an error of kind Canceled when ctx has ended.
func (r *interruptible) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		if !r.reading {
			r.reading = true
			go func() {
				n, err := r.from.Read(r.buf)
				r.done <- readResult{n, err}
			}()
		}
		select {
		case got := <-r.done:
			r.reading, r.rest, r.err = false, r.buf[:got.n], got.err
		case <-r.ctx.Done():
			return 0, foci.Errorf(foci.Canceled, "%w", context.Cause(r.ctx))
		}
	}
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}

// input opens the file that the arguments name, or standard input. The size is -1 when
// it is unknown; reading then ends with ctx.
func (a *app) input(ctx context.Context, args []string) (in io.Reader, size int64, done func(), err error) {
	in, done = a.stdin, func() {}
	if len(args) > 0 && args[0] != "-" {
		f, err := openInput(ctx, args[0])
		if err != nil {
			return nil, 0, nil, err
		}
		in, done = f, func() { f.Close() }
	}
	if f, ok := in.(*os.File); ok {
		if size := regularSize(f); size >= 0 {
			return f, size, done, nil
		}
		done = func() {} // closing it would wait for a read that is under way
	}
	return newInterruptible(ctx, in), -1, done, nil
}

// openInput opens a file that is not a folder. Opening a named pipe waits for its
// writer, until ctx ends.
func openInput(ctx context.Context, path string) (*os.File, error) {
	type opened struct {
		f   *os.File
		err error
	}
	c := make(chan opened, 1)
	go func() {
		f, err := os.Open(path)
		c <- opened{f, err}
	}()
	select {
	case o := <-c:
		if o.err != nil {
			return nil, o.err
		}
		if info, err := o.f.Stat(); err == nil && info.IsDir() {
			o.f.Close()
			return nil, usagef("%s is a folder; foci cp -r copies folders", path)
		}
		return o.f, nil
	case <-ctx.Done():
		return nil, &foci.Error{Kind: foci.Canceled, Where: path, Msg: "given up before it was opened, nothing was stored", Err: context.Cause(ctx)}
	}
}

// regularSize is how much is left to read of a regular file, and -1 for others.
func regularSize(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	return max(0, info.Size()-at)
}

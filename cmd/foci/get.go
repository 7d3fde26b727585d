package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/transfer"
)

func getCommand(a *app) *cobra.Command {
	var r remoteFlags
	var out, version string
	var span byteRange
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Read an object, or a part of it, to standard output or a file",
		Long: `Read the object KEY, which is bucket/key, to standard output, or with -o to a file, which
appears under its name only when it is whole.

  foci get docs/hello.txt
  foci get backup/monday.tar -o monday.tar
  foci get backup/monday.tar --range 0-511 | xxd
  foci get docs/hello.txt --version 01k9...   # as foci history prints them`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := parseName(args[0])
			if err != nil {
				return err
			}
			o := client.GetOptions{Length: -1}
			if version != "" {
				if o.Version, err = foci.ParseVersion(version); err != nil {
					return usage(err)
				}
				if o.Version.IsZero() && !mutant.On(mutant.ZeroVersion) {
					return usagef("--version %s: no object has this version; leave --version out for the newest", version)
				}
			}
			if span.set {
				o.Offset, o.Length = span.offset, span.length
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				if out == "" || out == "-" {
					_, err := a.copyObject(c.Context(), s, name, o, a.stdout)
					return err
				}
				return a.getFile(c.Context(), s, name, o, out)
			})
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write; - is standard output")
	c.Flags().StringVar(&version, "version", "", "the content as of this version, instead of the latest")
	c.Flags().Var(&span, "range", "bytes to read, counted from 0, both included; 100- reads to the end")
	r.add(a, c)
	r.addLevels(c, false)
	return c
}

// copyObject writes an object's content and returns the number of bytes.
func (a *app) copyObject(ctx context.Context, s *client.Session, n foci.Name, o client.GetOptions, w io.Writer) (int64, error) {
	obj, err := s.Get(ctx, n, o)
	if err != nil {
		return 0, err
	}
	defer obj.Close()
	bar := a.bar(n.String(), obj.Size)
	defer bar.done()
	return obj.WriteTo(bar.writer(w))
}

// gotFile is what get with -o prints with --json.
type gotFile struct {
	Key  string `json:"key"`
	File string `json:"file"`
	Size int64  `json:"size"`
}

// getFile writes to a file beside the target and renames it when it is whole. An
// existing target that is not a regular file (a pipe, a device) is written directly.
func (a *app) getFile(ctx context.Context, s *client.Session, n foci.Name, o client.GetOptions, path string) (err error) {
	f, commit, err := transfer.Create(path)
	if err != nil {
		return foci.Errorf(foci.KindOf(err), "-o %w", err)
	}
	size, err := a.copyObject(ctx, s, n, o, f)
	if err = commit(err); err != nil || !a.json {
		return err
	}
	return a.print(gotFile{n.String(), path, size}, nil)
}

// byteRange is the value of --range: bytes first to last, both included,
// counted from 0; "first-" goes on to the end. It satisfies flag values.
type byteRange struct {
	set    bool
	offset int64
	length int64 // -1 = to the end
}

func (r *byteRange) String() string {
	switch {
	case !r.set:
		return ""
	case r.length < 0:
		return fmt.Sprintf("%d-", r.offset)
	}
	return fmt.Sprintf("%d-%d", r.offset, r.offset+r.length-1)
}

// Set reads a range.
func (r *byteRange) Set(s string) error {
	bad := foci.Errorf(foci.Invalid, "range %q: want FIRST-LAST or FIRST-, in bytes from 0", s)
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return bad
	}
	from, err := strconv.ParseUint(first, 10, 62)
	if err != nil {
		return bad
	}
	*r = byteRange{set: true, offset: int64(from), length: -1}
	if last == "" {
		return nil
	}
	to, err := strconv.ParseUint(last, 10, 62)
	if err != nil || to < from {
		return bad
	}
	r.length = int64(to-from) + 1
	return nil
}

// Type names the flag's value in help texts.
func (r *byteRange) Type() string { return "first-last" }

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// byteSize is a number of bytes, written 512, 4KiB, 1.5MiB or 1GiB. It is a
// flag's value and a setting's.
type byteSize int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"B", 1},
}

// String is the shortest exact form, or one decimal of the largest unit.
func (b byteSize) String() string {
	for _, u := range sizeUnits {
		if v := int64(b); v >= u.bytes && u.bytes > 1 {
			if v%u.bytes == 0 {
				return fmt.Sprintf("%d%s", v/u.bytes, u.name)
			}
			return fmt.Sprintf("%.1f%s", float64(v)/float64(u.bytes), u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Set reads a size.
func (b *byteSize) Set(s string) error {
	number, factor := s, int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			number, factor = n, u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || v*float64(factor) >= math.MaxInt64 || math.IsNaN(v) {
		return foci.Errorf(foci.Invalid, "size %q: want a number of bytes, or with KiB, MiB, GiB or TiB", s)
	}
	*b = byteSize(v * float64(factor))
	return nil
}

// UnmarshalText reads a setting.
func (b *byteSize) UnmarshalText(text []byte) error { return b.Set(string(text)) }

// MarshalText is what UnmarshalText reads, exactly.
func (b byteSize) MarshalText() ([]byte, error) {
	return append(strconv.AppendInt(nil, int64(b), 10), 'B'), nil
}

// Type names the flag's value in help texts.
func (b *byteSize) Type() string { return "size" }

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

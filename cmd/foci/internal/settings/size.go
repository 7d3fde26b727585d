package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// Size is a number of bytes, written 512, 4KiB, 1.5MiB or 1GiB. It is a
// flag's value and a setting's.
type Size int64

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

// String returns the shortest exact form, or one decimal of the largest unit.
func (b Size) String() string {
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
func (b *Size) Set(s string) error {
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
	*b = Size(v * float64(factor))
	return nil
}

// UnmarshalText reads a setting.
func (b *Size) UnmarshalText(text []byte) error { return b.Set(string(text)) }

// MarshalText returns an exact text for UnmarshalText.
func (b Size) MarshalText() ([]byte, error) {
	return append(strconv.AppendInt(nil, int64(b), 10), 'B'), nil
}

// Type names the flag's value in help texts.
func (b *Size) Type() string { return "size" }

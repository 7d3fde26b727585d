package main

import "testing"

func TestByteSize(t *testing.T) {
	for in, want := range map[string]byteSize{
		"0": 0, "512": 512, "512B": 512, "4KiB": 4096, "1.5MiB": 3 << 19, "1GiB": 1 << 30, "2TiB": 2 << 40,
	} {
		var got byteSize
		if err := got.Set(in); err != nil || got != want {
			t.Errorf("%s: %d %v", in, got, err)
		}
		var back byteSize
		if err := back.Set(got.String()); err != nil || back != got {
			t.Errorf("%s printed as %s reads as %d: %v", in, got, back, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "1KB", "KiB", "9e30", "NaN", "Inf", "9000000TiB"} {
		var got byteSize
		if err := got.Set(in); err == nil {
			t.Errorf("%q reads as %d", in, got)
		}
	}
}

func TestByteRange(t *testing.T) {
	for in, want := range map[string]byteRange{
		"0-":    {true, 0, -1},
		"0-0":   {true, 0, 1},
		"10-19": {true, 10, 10},
	} {
		var got byteRange
		if err := got.Set(in); err != nil || got != want || got.String() != in {
			t.Errorf("%s: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "-", "-5", "5", "5-4", "a-b", "0-99999999999999999999", "1-2-3"} {
		var got byteRange
		if err := got.Set(in); err == nil {
			t.Errorf("%q reads as %+v", in, got)
		}
	}
}

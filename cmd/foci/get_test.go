package main

import "testing"

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

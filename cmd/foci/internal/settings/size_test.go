package settings

import "testing"

func TestByteSize(t *testing.T) {
	for in, want := range map[string]Size{
		"0": 0, "512": 512, "512B": 512, "4KiB": 4096, "1.5MiB": 3 << 19, "1GiB": 1 << 30, "2TiB": 2 << 40,
	} {
		var got Size
		if err := got.Set(in); err != nil || got != want {
			t.Errorf("%s: %d %v", in, got, err)
		}
		var back Size
		if err := back.Set(got.String()); err != nil || back != got {
			t.Errorf("%s printed as %s reads as %d: %v", in, got, back, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "1KB", "KiB", "9e30", "NaN", "Inf", "9000000TiB"} {
		var got Size
		if err := got.Set(in); err == nil {
			t.Errorf("%q reads as %d", in, got)
		}
	}
}

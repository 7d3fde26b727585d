package check

import (
	"testing"

	"github.com/foci-store/foci"
)

func TestAppends(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      []Op
		broken bool
	}{
		{"in order", []Op{put(0, 1, "a"), appended(2, 3, "b"), appended(4, 5, "c"), got(6, 7, "a", "b", "c")}, false},
		{"without a base", []Op{appended(0, 1, "b"), got(2, 3, "", "b")}, false},
		{"nobody wrote it", []Op{got(0, 1, "", "x")}, true},
		{"nobody wrote the base", []Op{got(0, 1, "x")}, true},
		{"certainly failed", []Op{failed(appended(0, 1, "b")), got(2, 3, "", "b")}, true},
		{"seen before it was written", []Op{got(0, 1, "", "b"), appended(2, 3, "b")}, true},
		{"twice", []Op{appended(0, 1, "b"), got(2, 3, "", "b", "b")}, true},
		{"a put above the base", []Op{appended(0, 1, "b"), put(2, 9, "a"), got(3, 4, "", "b", "a")}, true},
		{"an append in the place of the base", []Op{appended(0, 1, "b"), got(2, 3, "b")}, true},
		{"missing", []Op{appended(0, 1, "b"), got(2, 3, "")}, true},
		{"not yet acknowledged", []Op{appended(0, 5, "b"), got(2, 3, "")}, false},
		{"unknown, and never seen", []Op{unknown(appended(0, 0, "b")), got(2, 3, "")}, false},
		{"unknown, and seen from some time on", []Op{unknown(appended(0, 0, "b")), got(1, 2, ""), got(3, 4, "", "b"), got(5, 6, "", "b")}, false},
		{"seen by one get, missing in a later one", []Op{unknown(appended(0, 0, "b")), got(1, 2, "", "b"), got(3, 4, "")}, true},
		{"missing in a get that overlaps with the one that saw it", []Op{unknown(appended(0, 0, "b")), got(1, 4, "", "b"), got(3, 6, "")}, false},
		{"gone with a later put", []Op{appended(0, 1, "b"), put(2, 3, "a"), got(4, 5, "a")}, false},
		{"gone with a later remove", []Op{appended(0, 1, "b"), removed(2, 3), got(4, 5, "")}, false},
		{"gone with a put of unknown outcome", []Op{unknown(put(0, 0, "a")), appended(1, 2, "b"), got(3, 4, "a")}, false},
		{"gone with a put that overlaps the append", []Op{put(0, 3, "a"), appended(1, 2, "b"), got(4, 5, "a")}, false},
		{"missing although the put was before it", []Op{put(0, 1, "a"), appended(2, 3, "b"), got(4, 5, "a")}, true},
		{"missing although the put had failed", []Op{appended(0, 1, "b"), failed(put(2, 3, "a")), got(4, 5, "")}, true},
		{"missing although the put came after the get", []Op{appended(0, 1, "b"), got(2, 3, ""), put(4, 5, "a")}, true},
		{"an overlapping append slides in", []Op{appended(0, 9, "b"), appended(1, 2, "c"), got(3, 4, "", "c"), got(10, 11, "", "b", "c")}, false},
		{"two orders", []Op{appended(0, 9, "b"), appended(0, 9, "c"), got(10, 11, "", "b", "c"), got(12, 13, "", "c", "b")}, true},
		{
			"three gets, no order of all", []Op{
				appended(0, 9, "b"), appended(0, 9, "c"), appended(0, 9, "d"), unknown(put(0, 0, "x")),
				got(1, 2, "", "b", "c"), got(1, 2, "", "c", "d"), got(1, 2, "", "d", "b"),
			}, true,
		},
		{"a key with level One is outside", []Op{at(foci.One, appended(0, 1, "b")), got(2, 3, "")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, Appends(c.h), map[bool]string{true: "P1a"}[c.broken])
		})
	}
}

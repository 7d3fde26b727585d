package store

import (
	"slices"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/segment"
)

// FuzzRows gives the decoders of the index what a rotten disk might: none of
// it may panic or allocate without bound, and what is taken must survive being
// written and read again.
func FuzzRows(f *testing.F) {
	e := record.Entry{Version: foci.Version{Time: 7, Nonce: 9}, Op: record.OpPut, Size: 5, Length: 5}
	loc := segment.Loc{Segment: 1, Offset: 64, Length: 5}
	s := summary{vote: record.Vote{Base: e.Version, BaseOp: record.OpPut, Count: 1, Newest: e.Version}, total: 1, sole: true, entry: e, loc: loc}
	f.Add(s.append(nil))
	s.total, s.sole = 3, false
	f.Add(s.append(nil))
	f.Add(appendPlaced(nil, &e, loc))
	f.Add(watermarks(nil).append(nil))
	f.Add(watermarks(nil).raise(3, 9, e.Version).append(nil))
	f.Fuzz(func(t *testing.T, row []byte) {
		if s, err := parseSummary(row); err == nil {
			again, err := parseSummary(s.append(nil))
			if err != nil || again != s {
				t.Errorf("summary %+v became %+v, %v", s, again, err)
			}
		}
		if e, l, err := parsePlaced(row); err == nil {
			e2, l2, err := parsePlaced(appendPlaced(nil, &e, l))
			if err != nil || e2 != e || l2 != l {
				t.Errorf("version row %+v at %+v became %+v at %+v, %v", e, l, e2, l2, err)
			}
		}
		if fs, err := parseWatermarks(row); err == nil {
			again, err := parseWatermarks(fs.append(nil))
			if err != nil || !slices.Equal(again, fs) {
				t.Errorf("watermarks %+v became %+v, %v", fs, again, err)
			}
			fs.of(1 << 63)
		}
	})
}

package index

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
	s := Summary{Vote: record.Vote{Base: e.Version, BaseOp: record.OpPut, Count: 1, Newest: e.Version}, Total: 1, Sole: true, Placed: Placed{e, loc}}
	f.Add(s.append(nil))
	s.Total, s.Sole = 3, false
	f.Add(s.append(nil))
	f.Add(appendPlaced(nil, &s.Placed))
	f.Add(Watermarks(nil).append(nil))
	f.Add(Watermarks(nil).Raise(3, 9, e.Version).append(nil))
	f.Fuzz(func(t *testing.T, row []byte) {
		if s, err := parseSummary(row); err == nil {
			again, err := parseSummary(s.append(nil))
			if err != nil || again != s {
				t.Errorf("summary %+v became %+v, %v", s, again, err)
			}
		}
		if p, err := parsePlaced(row); err == nil {
			again, err := parsePlaced(appendPlaced(nil, &p))
			if err != nil || again != p {
				t.Errorf("version row %+v became %+v, %v", p, again, err)
			}
		}
		if fs, err := parseWatermarks(row); err == nil {
			again, err := parseWatermarks(fs.append(nil))
			if err != nil || !slices.Equal(again, fs) {
				t.Errorf("watermarks %+v became %+v, %v", fs, again, err)
			}
			fs.Of(1 << 63)
		}
	})
}

package segment

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/foci-store/foci/internal/device/vfs"
)

// FuzzRecovery replays a segment of arbitrary bytes, after a whole one that
// they may contradict: no panic, no hang, nothing read that was not there.
func FuzzRecovery(f *testing.F) {
	fs := newDisk(f)
	h := NewHeader(backend, 0, 0)
	h.Salt = 0x01020304
	var none Batch
	none.ResetFirst(h)
	w, err := Create(fs, dir, h, &none)
	must(f, err)
	write(f, w, true, object(1, 100), object(2, 0))
	write(f, w, true, object(3, 300))
	write(f, w, true, &Record{Kind: Mark})
	whole, err := vfs.ReadFile(fs, dir+"/"+fileName(1), MaxSize)
	must(f, err)
	for _, mended := range []bool{false, true} {
		f.Add(whole, uint32(0), mended)
		f.Add(whole[:HeaderSize], uint32(HeaderSize), mended)
		f.Add(whole[:700], uint32(HeaderSize), mended)
	}
	f.Fuzz(func(t *testing.T, file []byte, from uint32, mended bool) {
		if mended {
			file = mend(file)
		}
		fs := newDisk(t)
		out, err := vfs.Create(fs, dir+"/"+fileName(1))
		must(t, err)
		_, err = out.Write(file)
		must(t, err)
		must(t, out.Close())
		pos := Pos{}
		if from > 0 {
			pos = Pos{Segment: 1, Offset: from}
		}
		locs, tail, err := replay(t, fs, pos)
		if err != nil {
			return
		}
		for _, loc := range append(locs, tail.Whole...) {
			if int64(loc.Offset)+int64(loc.Head)+int64(loc.Length) > int64(len(file)) {
				t.Fatalf("record %+v in a file of %d bytes", loc, len(file))
			}
		}
		c, err := Load(fs, dir, backend)
		must(t, err)
		n := 0
		must(t, c.ReadTail(tail, func(*Record) error { n++; return nil }))
		if n != len(tail.Whole) {
			t.Fatalf("%d records of the tail, want %d", n, len(tail.Whole))
		}
	})
}

// mend corrects the checksums of heads, so that fuzzing reaches the code behind them.
func mend(file []byte) []byte {
	file = bytes.Clone(file)
	le := binary.LittleEndian
	if len(file) < HeaderSize {
		return file
	}
	le.PutUint32(file[60:], checksum(file[:60]))
	magic := le.AppendUint32(nil, recordMagic)
	for i := bytes.Index(file, magic); i >= 0; {
		b := file[i:]
		if len(b) >= fixedSize {
			n := headSize(int(b[19]), int(le.Uint16(b[20:])), int(le.Uint16(b[22:])), min(le.Uint32(b[24:]), 1<<30))
			if int(n) <= len(b) {
				le.PutUint32(b[crcAt:], 0)
				le.PutUint32(b[crcAt:], checksum(b[:n]))
			}
		}
		next := bytes.Index(file[i+1:], magic)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return file
}

package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// window is how much of a segment is read at a time; it holds any head.
const window = 256 << 10

// walker goes from record to record of one segment, over the payloads.
type walker struct {
	file *File
	size uint32 // of the file
	end  uint32 // records are valid up to here
	at   uint32 // of the next record
	head Head
	err  error

	buf  []byte // what has been read of the file, from base on
	base uint32
}

func (c *Chain) walk(number uint64, from uint32) (*walker, error) {
	f, err := OpenFile(c.fs, c.dir, number)
	if err != nil {
		return nil, err
	}
	l := &c.links[number-1]
	return &walker{file: f, size: l.size, end: l.sealed, at: from}, nil
}

func (w *walker) close() { _ = w.file.Close() }

func (w *walker) rewind(at, end uint32) { w.at, w.end = at, end }

// next moves to the record at w.at. It returns false at the end, at bytes that are
// not a record, and after an error of the file system.
func (w *walker) next() bool {
	if w.err != nil || w.at >= w.end {
		return false
	}
	var b []byte
	if b, w.err = w.read(w.at, MaxHead); w.err != nil {
		return false
	}
	var ok bool
	w.head, ok = parseHead(b, w.file.header.Salt, w.at, true)
	if !ok || w.head.end() > w.end {
		return false
	}
	w.at = w.head.end()
	return true
}

// read is up to n bytes of the file at a position; less only at its end.
func (w *walker) read(at, n uint32) ([]byte, error) {
	if at < w.base || at+n > w.base+uint32(len(w.buf)) && w.base+uint32(len(w.buf)) < w.size {
		if w.buf == nil {
			w.buf = make([]byte, min(window, w.size))
		}
		got, err := readAt(w.file.f, w.buf[:cap(w.buf)], int64(at))
		if err != nil {
			return nil, err
		}
		w.base, w.buf = at, w.buf[:got]
	}
	if at-w.base >= uint32(len(w.buf)) {
		return nil, nil
	}
	b := w.buf[at-w.base:]
	return b[:min(int(n), len(b))], nil
}

// laterClaim returns the highest synced position that the records after the first
// damaged one state. It reads the rest of the file; only a crash leaves a rest.
func (w *walker) laterClaim() (uint32, error) {
	claim := uint32(0)
	magic := binary.LittleEndian.AppendUint32(nil, recordMagic)
	for at := w.at; at < w.size && w.err == nil; {
		var b []byte
		if b, w.err = w.read(at, window); len(b) < fixedSize {
			break
		}
		// The last MaxHead bytes belong to the next window, unless there is none.
		last := len(b)
		if at+uint32(len(b)) < w.size {
			last -= MaxHead
		}
		if last <= 0 {
			break // the file has become shorter meanwhile
		}
		for i := 0; i < last; {
			k := bytes.Index(b[i:last], magic)
			if k < 0 {
				break
			}
			i += k
			if h, ok := parseHead(b[i:], w.file.header.Salt, at+uint32(i), false); ok {
				claim = max(claim, h.Synced)
			}
			i++
		}
		at += uint32(last)
	}
	return claim, w.err
}

// wholeFrom returns the records from proven on, up to the first whose payload does
// not match its checksums. The file may end, or be torn, anywhere.
func (w *walker) wholeFrom(proven uint32) ([]Loc, error) {
	var whole []Loc
	var payload []byte
	w.rewind(proven, w.size)
	for w.next() {
		var err error
		payload, err = w.file.AppendRange(payload[:0], &w.head, 0, w.head.Length)
		if errors.Is(err, errDamaged) {
			break
		}
		if err != nil {
			return nil, err
		}
		whole = append(whole, w.head.Loc(w.file.header.Number))
	}
	return whole, w.err
}

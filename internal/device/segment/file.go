package segment

import (
	"errors"
	"io"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// File is a segment open for reading.
type File struct {
	f      vfs.File
	header Header
}

// OpenFile opens a segment and checks its header. Damage is Corrupt.
func OpenFile(fs vfs.FS, dir string, number uint64) (*File, error) {
	f, err := fs.Open(fs.PathJoin(dir, fileName(number)))
	if err != nil {
		return nil, err
	}
	h, err := readHeader(f)
	if err == nil && h.Number != number {
		err = corrupt("file of segment %d says that it is segment %d", number, h.Number)
	}
	if err != nil {
		_ = f.Close()
		return nil, foci.Errorf(foci.KindOf(err), "segment %d: %w", number, err)
	}
	return &File{f: f, header: h}, nil
}

func readHeader(f vfs.File) (Header, error) {
	var b [HeaderSize]byte
	n, err := readAt(f, b[:], 0)
	if err != nil {
		return Header{}, err
	}
	return parseHeader(b[:n])
}

// readAt reads until b is full or the file ends.
func readAt(f vfs.File, b []byte, at int64) (int, error) {
	n, err := f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Close closes the file.
func (s *File) Close() error { return s.f.Close() }

// Read reads and verifies a whole record. The caller owns the record. A record that
// does not match loc is Corrupt.
func (s *File) Read(loc Loc) (*Head, error) {
	h, b, err := s.head(loc, loc.Length)
	if err != nil {
		return nil, err
	}
	h.Payload = b
	return h, s.verify(h, b, 0)
}

// ReadHead reads a record without its payload.
func (s *File) ReadHead(loc Loc) (*Head, error) {
	h, _, err := s.head(loc, 0)
	return h, err
}

// head reads the record's head and extra bytes after it.
func (s *File) head(loc Loc, extra uint32) (*Head, []byte, error) {
	if loc.Head > MaxHead || loc.Length > foci.MaxPayload {
		return nil, nil, s.damaged(loc.Offset, "the index says that it is longer than any may be")
	}
	b := make([]byte, loc.Head+extra)
	n, err := readAt(s.f, b, int64(loc.Offset))
	if err != nil {
		return nil, nil, foci.Errorf(foci.Corrupt, "read record at %d of segment %d: %w", loc.Offset, s.header.Number, err)
	}
	h, ok := parseHead(b[:min(n, int(loc.Head))], s.header.Salt, loc.Offset, true)
	if !ok || h.Len != loc.Head || h.Length != loc.Length {
		return nil, nil, s.damaged(loc.Offset, "its head does not match its checksum")
	}
	if n < len(b) {
		return nil, nil, s.damaged(loc.Offset, "the file ends within it")
	}
	return &h, b[loc.Head:], nil
}

// AppendRange verifies the blocks that hold n bytes of the record's payload from off
// on, and appends those bytes to dst.
func (s *File) AppendRange(dst []byte, h *Head, off, n uint32) ([]byte, error) {
	if n == 0 {
		return dst, nil
	}
	if off > h.Length || n > h.Length-off {
		return dst, foci.Errorf(foci.Invalid, "bytes %d+%d of a payload of %d", off, n, h.Length)
	}
	first := off / Block
	from, to := first*Block, min(blocks(off+n)*Block, h.Length)
	at := len(dst)
	dst = grow(dst, int(to-from))
	got, err := readAt(s.f, dst[at:], int64(h.Offset+h.Len+from))
	if err != nil {
		return dst[:at], foci.Errorf(foci.Corrupt, "read record at %d of segment %d: %w", h.Offset, s.header.Number, err)
	}
	if got < int(to-from) {
		return dst[:at], s.damaged(h.Offset, "the file ends within it")
	}
	if err := s.verify(h, dst[at:], first); err != nil {
		return dst[:at], err
	}
	copy(dst[at:], dst[at+int(off-from):])
	return dst[:at+int(n)], nil
}

// grow makes b longer by n bytes. Its capacity grows in proportion to its length, so
// that appending many small payloads does not copy b for each of them.
func grow(b []byte, n int) []byte { return slices.Grow(b, n)[:len(b)+n] }

// verify checks whole blocks of the payload, beginning with the first-th.
func (s *File) verify(h *Head, b []byte, first uint32) error {
	for i := first; len(b) > 0; i++ {
		n := min(Block, len(b))
		if checksum(b[:n]) != h.block(i) {
			return s.damaged(h.Offset, "its payload does not match its checksum")
		}
		b = b[n:]
	}
	return nil
}

// errDamaged distinguishes wrong bytes from bytes that could not be read.
var errDamaged = errors.New("damaged")

func (s *File) damaged(offset uint32, what string) error {
	return corrupt("record at %d of segment %d: %w: %s", offset, s.header.Number, errDamaged, what)
}

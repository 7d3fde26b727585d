package node

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/vfs"
)

// The spare file holds a node's identity when the disk is too full for a new
// node.json: an incarnation must be durable before it is used. The file has its
// full size from the beginning; its two slots are overwritten in turn, so that a
// crash leaves one of them whole. The newest of node.json and the slots counts.
const (
	spareFile = "node.spare"
	spareSlot = 16 << 10 // bytes: length, checksum, and the identity as JSON
	spareHead = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// makeSpare makes the file, if it is not there.
func makeSpare(fsys vfs.FS, dir string) error {
	path := filepath.Join(dir, spareFile)
	if info, err := fsys.Stat(path); err == nil && info.Size() == 2*spareSlot {
		return nil
	}
	return vfs.WriteFile(fsys, path, bytes.Repeat([]byte{0xff}, 2*spareSlot)) // not zero: no hole
}

// loadSpare is what was saved last in the spare file, if anything was. A slot
// that is not whole counts as empty.
func loadSpare(fsys vfs.FS, dir string) (last identity, err error) {
	b, err := vfs.ReadFile(fsys, filepath.Join(dir, spareFile), 2*spareSlot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return last, nil
	case err != nil:
		return last, err
	}
	for len(b) >= spareSlot {
		if id, ok := parseSlot(b[:spareSlot]); ok && id.Saved > last.Saved {
			last = id
		}
		b = b[spareSlot:]
	}
	return last, nil
}

func parseSlot(b []byte) (id identity, ok bool) {
	if len(b) < spareHead {
		return id, false
	}
	n, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if b = b[spareHead:]; uint64(n) > uint64(len(b)) || crc32.Checksum(b[:n], castagnoli) != sum {
		return id, false
	}
	return id, json.Unmarshal(b[:n], &id) == nil && !id.Node.IsZero()
}

// saveSpare writes an identity durably over the older slot.
func (id *identity) saveSpare(fsys vfs.FS, dir string) (err error) {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if len(text) > spareSlot-spareHead {
		return foci.Errorf(foci.TooLarge, "the node's identity has %d bytes, %d fit into %s", len(text), spareSlot-spareHead, spareFile)
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(text, castagnoli))
	path := filepath.Join(dir, spareFile)
	if info, err := fsys.Stat(path); err != nil || info.Size() != 2*spareSlot {
		return errors.Join(err, errors.New(path+" is not there"))
	}
	f, err := fsys.OpenReadWrite(path, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(append(b, text...), int64(id.Saved%2)*spareSlot); err != nil {
		return err
	}
	return f.Sync()
}

// newer is the one of two identities that was saved last.
func (id identity) newer(other identity) identity {
	if other.Saved > id.Saved && other.Node == id.Node && other.Cluster == id.Cluster && !mutant.On(mutant.SpareUnread) {
		return other
	}
	return id
}

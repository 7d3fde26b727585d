package client

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
)

// partText is what the text of a part encodes.
type partText struct {
	number   uint32
	object   foci.ID
	manifest record.Manifest // of a part that is not empty
}

// partFormat is the first byte of a partText.
const partFormat = 1

func (p *partText) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, partFormat), p.number)
	b = append(b, p.object[:]...)
	if p.manifest.Size > 0 {
		b = p.manifest.Append(b)
	}
	return b
}

func (p *partText) Decode(r *codec.Reader) {
	if r.U8() != partFormat {
		r.Fail()
	}
	p.number = r.U32()
	r.Fixed(p.object[:])
	if r.More() {
		p.manifest.Decode(r)
	}
	if r.More() || p.part().validate() != nil {
		r.Fail()
	}
}

func (p *partText) part() Part {
	return Part{Number: int(p.number), Size: int64(p.manifest.Size), object: p.object, manifest: p.manifest}
}

// validate fails for a part that the caller made or changed.
func (p Part) validate() error {
	if p.Number < 1 || p.Number > foci.MaxParts || p.Size != int64(p.manifest.Size) || p.object == (foci.ID{}) {
		return foci.Errorf(foci.Invalid, "part %d of %d bytes is not as Upload.Part returned it", p.Number, p.Size)
	}
	return nil
}

// MarshalText encodes the part for UnmarshalText, possibly in another process.
func (p Part) MarshalText() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	t := partText{uint32(p.Number), p.object, p.manifest}
	return base64.RawURLEncoding.AppendEncode(nil, t.Append(nil)), nil
}

// UnmarshalText decodes the text of MarshalText. The text is trusted: it must come
// from a source that others cannot modify.
func (p *Part) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil {
		return foci.Errorf(foci.Invalid, "not the text of a part: %w", err)
	}
	var t partText
	if err := codec.Unmarshal(b, &t); err != nil {
		return foci.Errorf(foci.Invalid, "not the text of a part: %w", err)
	}
	*p = t.part()
	return nil
}

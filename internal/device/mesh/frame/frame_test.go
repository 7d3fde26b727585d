package frame

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

func good() Header {
	return Header{Type: Request, Method: wire.MethodStore, Stream: 0x10002, Head: 3, Body: 5, Size: 8, Sum: 99}
}

func TestHeaderRoundTrip(t *testing.T) {
	for _, h := range []Header{
		good(),
		{Type: Reply, Flags: FlagError, Stream: 1, Head: 7, Size: 7},
		{Type: Reply, Stream: 1},
		{Type: Data, Stream: 1, Size: MaxFrame},
		{Type: Credit, Body: MaxGrant},
		{Type: Hello, Size: MaxHello},
		{Type: Ping, Size: 16},
		{Type: Pong, Size: 24},
		{Type: Data, Flags: uint8(Zstd), Stream: 1, Body: MaxFrame, Size: 9},
		{Type: Reply, Flags: uint8(LZ4), Stream: 1, Head: 70, Body: 9000, Size: 99},
		{Type: GoAway},
		{Type: Request, Stream: 1, Head: wire.MaxHead, Body: wire.MaxBody, Size: MaxFrame},
	} {
		b := AppendHeader([]byte("before"), &h)
		if len(b) != len("before")+HeaderSize {
			t.Fatalf("%d bytes", len(b))
		}
		var got Header
		if err := ParseHeader(b[len("before"):], &got); err != nil || got != h {
			t.Errorf("%+v became %+v, %v", h, got, err)
		}
	}
}

func TestHeaderRefused(t *testing.T) {
	for name, change := range map[string]func(*Header){
		"no type":            func(h *Header) { h.Type = 0 },
		"unknown type":       func(h *Header) { h.Type = 13 },
		"no stream":          func(h *Header) { h.Stream = 0 },
		"flags":              func(h *Header) { h.Flags = 8 },
		"packed in two ways": func(h *Header) { h.Flags, h.Size = uint8(AllPackings), 7 },
		"packed and as long": func(h *Header) { h.Flags, h.Size = uint8(Zstd), 8 },
		"packed nothing":     func(h *Header) { h.Flags, h.Size = uint8(Zstd), 0 },
		"packed, more flags": func(h *Header) { h.Flags, h.Size = uint8(Zstd)|8, 7 },
		"packed, too long":   func(h *Header) { h.Flags, h.Size, h.Body = uint8(LZ4), 7, MaxFrame },
		"packed error": func(h *Header) {
			*h = Header{Type: Reply, Flags: uint8(LZ4) | FlagError, Stream: 1, Head: 9, Size: 7}
		},
		"packed data, head": func(h *Header) {
			*h = Header{Type: Data, Flags: uint8(LZ4), Stream: 1, Head: 1, Body: 9, Size: 7}
		},
		"packed data, longer":  func(h *Header) { *h = Header{Type: Data, Flags: uint8(LZ4), Stream: 1, Body: 6, Size: 7} },
		"packed credit":        func(h *Header) { *h = Header{Type: Credit, Flags: uint8(LZ4), Body: 6} },
		"size of 2^32-1":       func(h *Header) { h.Size = 1<<32 - 1 },
		"size above limit":     func(h *Header) { h.Size, h.Body = MaxFrame+1, MaxFrame+1 },
		"head of 2^32-1":       func(h *Header) { h.Head = 1<<32 - 1 },
		"head above limit":     func(h *Header) { h.Head = wire.MaxHead + 1 },
		"body above limit":     func(h *Header) { h.Body = wire.MaxBody + 1 },
		"sum overflows":        func(h *Header) { h.Head, h.Body = 1<<31, 1<<31 },
		"more than it has":     func(h *Header) { h.Size = 9 },
		"empty data":           func(h *Header) { *h = Header{Type: Data, Stream: 1} },
		"data with a method":   func(h *Header) { *h = Header{Type: Data, Stream: 1, Size: 1, Method: 1} },
		"credit of nothing":    func(h *Header) { *h = Header{Type: Credit, Stream: 1} },
		"credit of 2^32-1":     func(h *Header) { *h = Header{Type: Credit, Stream: 1, Body: 1<<32 - 1} },
		"hello on a stream":    func(h *Header) { *h = Header{Type: Hello, Stream: 1} },
		"long hello":           func(h *Header) { *h = Header{Type: Hello, Size: MaxHello + 1} },
		"long pong":            func(h *Header) { *h = Header{Type: Pong, Size: 25} },
		"long ping":            func(h *Header) { *h = Header{Type: Ping, Size: 17} },
		"cancel with contents": func(h *Header) { *h = Header{Type: Cancel, Stream: 1, Size: 1} },
		"reply with a method":  func(h *Header) { h.Type = Reply },
		"error in two frames":  func(h *Header) { *h = Header{Type: Reply, Flags: FlagError, Stream: 1, Head: 2, Size: 1} },
	} {
		h := good()
		change(&h)
		var got Header
		if err := ParseHeader(AppendHeader(nil, &h), &got); foci.KindOf(err) != foci.Protocol {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeaderDamaged(t *testing.T) {
	h := good()
	b := AppendHeader(nil, &h)
	var got Header
	for i := range b {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			if ParseHeader(bad, &got) == nil {
				t.Fatalf("bit %d of byte %d flipped unnoticed", bit, i)
			}
		}
		if ParseHeader(b[:i], &got) == nil {
			t.Fatalf("accepted %d bytes", i)
		}
	}
}

func TestFrameContents(t *testing.T) {
	h := good()
	b := Append(nil, &h, []byte("abc"), []byte("defgh"))
	if got := b[HeaderSize:]; string(got) != "abcdefgh" || h.Size != 8 || h.Sum != Checksum(0, got) {
		t.Fatalf("%q %+v", got, h)
	}
	if n := testing.AllocsPerRun(100, func() {
		b = Append(b[:0], &h, b[HeaderSize:HeaderSize+3], nil)
		_ = ParseHeader(b, &h)
		h = good()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzFrame: a header is refused, or is what it is made of.
func FuzzFrame(f *testing.F) {
	h := good()
	f.Add(AppendHeader(nil, &h))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"))
	f.Add(bytes.Repeat([]byte{0xff}, HeaderSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= HeaderSize { // let the fuzzer past the checksum half of the time
			if b[4]&0x80 != 0 {
				b = bytes.Clone(b)
				b[4] &^= 0x80
				binary.LittleEndian.PutUint32(b, magic)
				binary.LittleEndian.PutUint32(b[28:], Checksum(0, b[:28]))
			}
		}
		var h Header
		if err := ParseHeader(b, &h); err != nil {
			if foci.KindOf(err) != foci.Protocol {
				t.Fatalf("error %v", err)
			}
			return
		}
		if h.Size > MaxFrame || h.Head > wire.MaxHead || h.Body > MaxGrant {
			t.Fatalf("over a limit: %+v", h)
		}
		if again := AppendHeader(nil, &h); !bytes.Equal(again, b[:HeaderSize]) {
			t.Fatalf("%x became %x", b[:HeaderSize], again)
		}
	})
}

package frame

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// The frame, on one page. Everything that travels on a channel (one TCP
// connection) is a frame: a header of HeaderSize bytes and Size bytes after it.
//
//	offset size field   meaning
//	     0    4 magic   "FOC1"
//	     4    1 type    Type
//	     5    1 flags   FlagError on replies, a Packing of compressed contents, else 0
//	     6    2 method  of a request, else 0
//	     8    4 stream  the request that it belongs to; 0: the channel itself
//	    12    4 head    request, reply: bytes of the message's head, else 0
//	    16    4 body    request, reply: bytes of the message's body; credit: bytes granted;
//	                    compressed data: bytes when no longer compressed
//	    20    4 size    bytes that follow in this frame
//	    24    4 sum     CRC32C of those bytes
//	    28    4 check   CRC32C of bytes 0 to 27
//
// All numbers are little-endian. A message is its head and then its body, as
// one run of bytes: the first frame (request or reply) says how long both are
// and carries as much as it likes, data frames carry the rest in order. A
// message that is whole in its first frame needs no credit; every byte of a
// longer one costs credit of its stream and of its channel.
//
// A header with a wrong checksum ends the channel, because its lengths cannot be
// trusted; contents with a wrong checksum end their message alone.
//
// The contents of a data frame, or of a message that is whole in its first frame, may
// be compressed. Sum is of the compressed bytes; credit counts the uncompressed ones.
const (
	HeaderSize = 32
	MaxFrame   = 80 << 10 // contents of one frame: 64 KiB of body and its head
	MaxPiece   = 64 << 10 // contents of one data frame, as we send them
	MaxHello   = 4 << 10  // contents of hello, welcome and refuse: unauthenticated peers send them
	MaxPing    = 16       // contents of a ping
	PongClock  = 8        // bytes of the clock at the end of a pong
	MaxGrant   = 1 << 30  // credit in one frame, and the most that may be outstanding

	MaxStreams = 1 << 16   // streams of one channel, and exclusive limit of a stream's slot
	MinWindow  = 64 << 10  // least initial credit of a stream
	MaxWindow  = 16 << 20  // most initial credit of a stream
	WindowsPer = 4         // a channel's credit is this many windows of a stream
	DefWindow  = 256 << 10 // initial credit of a stream unless configured
)

// Type says what a frame is.
type Type uint8

// The frame types. Hello, request and cancel go from the dialling side to the
// listening side; welcome, refuse, reply and goaway go back; the others go both
// ways.
const (
	Hello   Type = 1  // first frame of a channel: Hello
	Welcome Type = 2  // its answer: Welcome
	Refuse  Type = 3  // its other answer: Error, then the end
	Request Type = 4  // begins a request
	Reply   Type = 5  // begins the one reply to it
	Data    Type = 6  // more of a message
	Credit  Type = 7  // the sender of this frame can take Body more bytes
	Cancel  Type = 8  // the reply is no longer wanted; it is owed all the same
	Abort   Type = 9  // the message being sent ends here, incomplete: Error
	Ping    Type = 10 // are you alive; up to 16 bytes that come back
	Pong    Type = 11 // yes: the same bytes, and since protocol 2 the clock of the side that answers
	GoAway  Type = 12 // no new requests, please

	// 13 and 14 were those of protocol 1's proof of a key.
)

// FlagError on a reply: its head is a [wire.Error].
const FlagError = 1

const magic = 0x31434f46 // "FOC1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is the header of a frame.
type Header struct {
	Type   Type
	Flags  uint8
	Method wire.Method
	Stream uint32
	Head   uint32
	Body   uint32
	Size   uint32
	Sum    uint32
}

// Whole reports whether a message is complete in its first frame, as one that
// is compressed there always is.
func (h *Header) Whole() bool { return h.Size == h.Head+h.Body || h.Packing() != 0 }

// Checksum is the CRC32C of b; of several pieces when sum is that of the
// pieces before it, else sum is 0.
func Checksum(sum uint32, b []byte) uint32 { return crc32.Update(sum, castagnoli, b) }

// AppendHeader adds the encoded header to b.
func AppendHeader(b []byte, h *Header) []byte {
	at := len(b)
	b = appendU32(b, magic)
	b = append(b, byte(h.Type), h.Flags)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Method))
	b = appendU32(appendU32(appendU32(b, h.Stream), h.Head), h.Body)
	b = appendU32(appendU32(b, h.Size), h.Sum)
	return appendU32(b, Checksum(0, b[at:]))
}

func appendU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// Append adds a whole frame to b: the header with Size and Sum filled in,
// then the contents, which are given in two parts that may both be empty.
func Append(b []byte, h *Header, head, body []byte) []byte {
	h.Size = uint32(len(head) + len(body))
	h.Sum = Checksum(Checksum(0, head), body)
	return append(append(AppendHeader(b, h), head...), body...)
}

// ParseHeader reads a header from the first HeaderSize bytes of b and fails
// with Protocol when it is not one or breaks a limit.
func ParseHeader(b []byte, h *Header) error {
	if len(b) < HeaderSize {
		return foci.Errorf(foci.Protocol, "frame header of %d bytes, want %d", len(b), HeaderSize)
	}
	b = b[:HeaderSize]
	if binary.LittleEndian.Uint32(b) != magic {
		return foci.Errorf(foci.Protocol, "not a frame: it begins with %q, want \"FOC1\"", b[:4])
	}
	if binary.LittleEndian.Uint32(b[28:]) != Checksum(0, b[:28]) {
		return foci.Errorf(foci.Protocol, "frame header damaged: its checksum does not match")
	}
	*h = Header{
		Type:   Type(b[4]),
		Flags:  b[5],
		Method: wire.Method(binary.LittleEndian.Uint16(b[6:])),
		Stream: binary.LittleEndian.Uint32(b[8:]),
		Head:   binary.LittleEndian.Uint32(b[12:]),
		Body:   binary.LittleEndian.Uint32(b[16:]),
		Size:   binary.LittleEndian.Uint32(b[20:]),
		Sum:    binary.LittleEndian.Uint32(b[24:]),
	}
	if what := h.broken(); what != "" {
		return foci.Errorf(foci.Protocol, "frame of type %d on stream %d: %s (head %d, body %d, size %d)",
			h.Type, h.Stream, what, h.Head, h.Body, h.Size)
	}
	return nil
}

// broken names the rule that a header breaks; "" when it breaks none.
func (h *Header) broken() string {
	if h.Size > MaxFrame {
		return "larger than a frame may be"
	}
	switch h.Type {
	case Request, Reply:
		return h.brokenMessage()
	case Hello, Welcome, Refuse, Ping, Pong, GoAway:
		if h.Stream != 0 {
			return "belongs to no stream but names one"
		}
	case Data, Cancel, Abort:
		if h.Stream == 0 {
			return "names no stream"
		}
	case Credit:
		if h.Body == 0 || h.Body > MaxGrant {
			return "grants nothing or too much"
		}
	default:
		return "of an unknown type"
	}
	return h.brokenOther()
}

func (h *Header) brokenMessage() string {
	switch {
	case h.Stream == 0:
		return "names no stream"
	case h.Head > wire.MaxHead:
		return "head larger than a head may be"
	case h.Body > wire.MaxBody:
		return "body larger than a body may be"
	case h.Size > h.Head+h.Body:
		return "carries more than its message has"
	case h.Type == Reply && h.Method != 0:
		return "has fields that a reply has not"
	case h.Packing() != 0:
		return h.brokenPacking()
	case h.Flags&FlagError != 0 && !h.Whole():
		return "is an error in more than one frame"
	case h.Type == Reply && h.Flags > FlagError:
		return "has fields that a reply has not"
	case h.Type == Request && h.Flags != 0:
		return "has flags that a request has not"
	}
	return ""
}

func (h *Header) brokenOther() string {
	most := uint32(0)
	if h.Type == Data && h.Packing() != 0 {
		if h.Method != 0 || h.Head != 0 {
			return "has fields that its type has not"
		}
		return h.brokenPacking()
	}
	switch h.Type {
	case Hello, Welcome, Refuse:
		most = MaxHello
	case Abort, GoAway:
		most = 2 * wire.MaxErrorText
	case Ping:
		most = MaxPing
	case Pong:
		most = MaxPing + PongClock
	case Data:
		if most = MaxFrame; h.Size == 0 {
			return "carries nothing"
		}
	}
	switch {
	case h.Size > most:
		return "larger than its type may be"
	case h.Flags != 0 || h.Method != 0 || h.Head != 0 || h.Body != 0 && h.Type != Credit:
		return "has fields that its type has not"
	}
	return ""
}

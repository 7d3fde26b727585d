package frame

import (
	"io"
	"testing"
)

// BenchmarkFrame encodes and decodes one small frame.
func BenchmarkFrame(b *testing.B) {
	head, body := make([]byte, 64), make([]byte, 1024)
	out := make([]byte, 0, 4096)
	r := &loop{}
	f := NewReader(r)
	contents := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		h := Header{Type: Request, Method: 17, Stream: 9, Head: 64, Body: 1024}
		out = Append(out[:0], &h, head, body)
		r.b = out
		var got Header
		if err := f.Header(&got); err != nil {
			b.Fatal(err)
		}
		c := contents[:got.Size]
		if err := f.Full(c); err != nil || Checksum(0, c) != got.Sum {
			b.Fatal("damaged")
		}
	}
}

type loop struct{ b []byte }

func (l *loop) Read(p []byte) (int, error) {
	if len(l.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.b)
	l.b = l.b[n:]
	return n, nil
}

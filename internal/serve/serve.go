package serve

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/access"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Handler serves the requests of one method.
type Handler struct {
	method wire.Method
	serve  func(*mesh.Incoming)
	unwrap func(*mesh.Incoming) bool // instead of serve
}

// On returns the handler that decodes a request, checks the rights of its asker and
// calls f. The type of the request determines the method.
func On[M any, P interface {
	*M
	codec.Message
}](f func(*mesh.Incoming, P)) Handler {
	return Handler{method: wire.MethodOf(P(new(M))), serve: func(in *mesh.Incoming) {
		q := P(new(M))
		err := codec.Unmarshal(in.Head, q)
		if err == nil {
			err = access.Check(Asker(in), q)
		}
		if err != nil {
			in.Fail(err)
			return
		}
		f(in, q)
	}}
}

// Unwrap returns the handler of a method whose requests contain another request. f
// unwraps it, and it is served instead. If f reports false it has failed the request.
func Unwrap(m wire.Method, f func(*mesh.Incoming) bool) Handler {
	return Handler{method: m, unwrap: f}
}

// When makes handlers serve a request only if ready reports true; else ready has failed
// the request.
func When(ready func(*mesh.Incoming) bool, all ...Handler) []Handler {
	for i := range all {
		serve := all[i].serve
		all[i].serve = func(in *mesh.Incoming) {
			if ready(in) {
				serve(in)
			}
		}
	}
	return all
}

// Refuse returns handlers that answer all methods of a replica with an error, for a
// process that stores nothing.
func Refuse(err error) []Handler {
	var all []Handler
	for _, r := range wire.Methods() {
		if r.Aimed {
			all = append(all, Handler{method: r.Method, serve: func(in *mesh.Incoming) { in.Fail(err) }})
		}
	}
	return all
}

// Asker is the principal that sent a request or, of a relayed one, its client.
func Asker(in *mesh.Incoming) *access.Asker {
	return &access.Asker{Principal: in.From.Principal, Rights: in.From.Rights, Protocol: in.From.Protocol}
}

// Handlers is the table of the handlers of one process.
type Handlers struct {
	by []func(*mesh.Incoming) // by method number
}

// New makes the table from one handler for each method. Slow methods are served by
// apart, which calls the handler on a goroutine of its own, or fails the request; nil =
// on the goroutine that reads the channel.
func New(apart func(*mesh.Incoming, func(*mesh.Incoming)), all ...Handler) (*Handlers, error) {
	s := new(Handlers)
	for _, h := range all {
		row := h.method.Row()
		switch {
		case row == nil:
			return nil, foci.Errorf(foci.Internal, "a handler is of %v, which is not in the table of methods", h.method)
		case s.get(h.method) != nil:
			return nil, foci.Errorf(foci.Internal, "method %v has two handlers", h.method)
		}
		serve := h.serve
		switch {
		case h.unwrap != nil:
			serve = func(in *mesh.Incoming) {
				if h.unwrap(in) {
					s.Serve(in)
				}
			}
		case row.Slow && apart != nil:
			serve = func(in *mesh.Incoming) { apart(in, h.serve) }
		}
		s.set(h.method, serve)
	}
	for _, r := range wire.Methods() {
		if s.get(r.Method) == nil {
			return nil, foci.Errorf(foci.Internal, "method %v has no handler", r.Method)
		}
	}
	return s, nil
}

// Only returns a table of the given handlers only, for tests.
func Only(all ...Handler) *Handlers {
	s := new(Handlers)
	for _, h := range all {
		s.set(h.method, h.serve)
	}
	return s
}

func (s *Handlers) set(m wire.Method, serve func(*mesh.Incoming)) {
	if int(m) >= len(s.by) {
		s.by = append(s.by, make([]func(*mesh.Incoming), int(m)+1-len(s.by))...)
	}
	s.by[m] = serve
}

func (s *Handlers) get(m wire.Method) func(*mesh.Incoming) {
	if int(m) >= len(s.by) {
		return nil
	}
	return s.by[m]
}

// Serve serves one request. It does not block.
func (s *Handlers) Serve(in *mesh.Incoming) {
	serve := s.get(in.Method)
	if serve == nil {
		in.Fail(foci.Errorf(foci.Protocol, "method %d is not known here", in.Method))
		return
	}
	serve(in)
}

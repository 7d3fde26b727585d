package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/foci-store/foci"
)

// Limits of the listener. Scrapers are few, and their requests are short.
const (
	maxConns     = 16 // at a time; the next one is closed
	maxHeader    = 8 << 10
	readTimeout  = 5 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
	maxScrapes   = 2 // at a time; the next one is told 503
)

// Server serves the metrics of one node.
type Server struct {
	http  *http.Server
	addr  net.Addr
	ended chan struct{}
}

// CheckAddr refuses what is no IP:port, with Invalid, and an address beyond
// loopback where scrapers need no token, with Denied.
func CheckAddr(addr string, token bool) error {
	if _, err := netip.ParseAddrPort(addr); err != nil {
		return foci.Errorf(foci.Invalid, "metrics %.80q: want IP:port, like 127.0.0.1:9100", addr)
	}
	return checkExposure(addr, token)
}

// Loopback reports whether an address is reached from this machine alone.
func Loopback(addr string) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// Serve listens on an IP:port, and answers requests with the token; nil is none.
// It fails with Invalid for what is no IP:port, with Denied for an address beyond
// loopback without a token, and with Busy when another process listens there.
func Serve(addr string, token *Token, source Source, log *slog.Logger) (*Server, error) {
	if err := CheckAddr(addr, token != nil); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{source}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, Timeout: writeTimeout / 2})
	mux.Handle("GET /metrics", token.guard(scrape))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &foci.Error{Kind: foci.Busy, Op: "metrics", Where: addr, Msg: "cannot be listened on", Err: err, Fix: "name a free address of this machine"}
	}
	s := &Server{
		addr: l.Addr(), ended: make(chan struct{}),
		http: &http.Server{
			Handler: mux, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
			MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(&bounded{Listener: l}); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "addr", addr, "err", err)
		}
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.addr }

// Close stops it, after the scrapes that are under way, for a second at most.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.ended
	return err
}

// bounded is a listener with a limit of connections.
type bounded struct {
	net.Listener
	mu   sync.Mutex
	open int // guarded by mu
}

// Accept closes those over the limit and returns the next one below it.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		full := b.open >= maxConns
		if !full {
			b.open++
		}
		b.mu.Unlock()
		if !full {
			return &counted{Conn: c, from: b}, nil
		}
		_ = c.Close()
	}
}

// counted is one of the connections of a bounded listener.
type counted struct {
	net.Conn
	from *bounded
	once sync.Once
}

// Close closes it and makes room for another.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.from.mu.Lock()
		c.from.open--
		c.from.mu.Unlock()
	})
	return c.Conn.Close()
}

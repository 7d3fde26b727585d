// Package metrics serves what a node knows of its links, channels, transactions
// and backends, and of its own process, at /metrics in the format of Prometheus.
//
// It reads snapshots at each scrape, so nothing is counted twice and a node
// without it pays nothing. docs/metrics.md lists every metric; a test compares it
// with this package.
//
// It owns the listener and the goroutine that accepts on it; net/http adds one for
// each connection. bounded.mu guards the number of connections and is held alone.
package metrics

// Package metrics is the face that a monitoring system reads: what a node
// knows of its links, channels, transactions and backends, and of its own
// process, in the format of Prometheus at /metrics.
//
// It only reads snapshots, at each scrape, so that nothing is counted twice and
// a node without it pays nothing. docs/metrics.md lists every metric; a test
// compares it with what is here.
package metrics

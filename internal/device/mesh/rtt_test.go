package mesh

import (
	"testing"
	"time"
)

func TestRoundTrips(t *testing.T) {
	var r roundTrips
	if p50, p99 := r.quantiles(); p50 != 0 || p99 != 0 {
		t.Errorf("none: %v, %v", p50, p99)
	}
	for i := range 200 { // the last 64 of them count: 137 to 200 ms
		r.add(time.Duration(i+1) * time.Millisecond)
	}
	if p50, p99 := r.quantiles(); p50 != 169*time.Millisecond || p99 != 200*time.Millisecond {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
	r.add(-time.Second)
	r.add(10 * time.Hour)
	if _, p99 := r.quantiles(); p99 < time.Hour {
		t.Errorf("p99 %v after one of hours", p99)
	}
}

package mesh

import "time"

// backoff is how long to wait after so many failures in a row: the first time
// not at all, then a random time (r is in 0..1) between low and a ceiling that
// doubles up to high.
func backoff(failures int, low, high time.Duration, r float64) time.Duration {
	if failures <= 0 {
		return 0
	}
	ceiling := min(high, low<<min(failures, 20))
	return low + time.Duration(r*float64(ceiling-min(low, ceiling)))
}

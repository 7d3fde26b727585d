package client

import "sync"

// maxWorkers bounds the goroutines that run callbacks at a time.
const maxWorkers = 64

// callbacks runs completion callbacks: off every lock, and off the goroutines
// that read the network, so that a callback may take its time and may call the
// client. The goroutines end when nothing is left to run. What waits is bounded
// by the operations that may be pending, for each of these ends with its callback.
type callbacks struct {
	mu      sync.Mutex
	queue   []func()
	at      int // of the first that waits
	workers int
}

// add runs f soon.
func (c *callbacks) add(f func()) {
	c.mu.Lock()
	c.queue = append(c.queue, f)
	more := c.workers < maxWorkers
	if more {
		c.workers++
	}
	c.mu.Unlock()
	if more {
		go c.work()
	}
}

func (c *callbacks) work() {
	for {
		c.mu.Lock()
		if c.at == len(c.queue) {
			c.queue, c.at = nil, 0
			c.workers--
			c.mu.Unlock()
			return
		}
		f := c.queue[c.at]
		c.queue[c.at] = nil
		if c.at++; c.at > 1024 && c.at > len(c.queue)/2 {
			c.queue = append([]func(){}, c.queue[c.at:]...)
			c.at = 0
		}
		c.mu.Unlock()
		f()
	}
}

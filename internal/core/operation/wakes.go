package operation

import (
	"container/heap"
	"math"
	"time"
)

// never is after all times.
const never = time.Duration(math.MaxInt64)

// wakes holds the operations with a wake time, earliest first.
type wakes struct {
	heap  wakeHeap
	ready []*Operation // result of the last call of due
}

// set sets the wake time of an operation; 0 = none.
func (w *wakes) set(o *Operation, at time.Duration) {
	if at == o.wake {
		return
	}
	o.wake = at
	switch {
	case at == 0:
		heap.Remove(&w.heap, o.place)
	case o.place < 0:
		heap.Push(&w.heap, o)
	default:
		heap.Fix(&w.heap, o.place)
	}
}

// next is the earliest wake time.
func (w *wakes) next() time.Duration {
	if len(w.heap) == 0 {
		return never
	}
	return w.heap[0].wake
}

// due removes and returns the operations whose wake time has come.
func (w *wakes) due(now time.Duration) []*Operation {
	clear(w.ready)
	w.ready = w.ready[:0]
	for len(w.heap) > 0 && w.heap[0].wake <= now {
		o := heap.Pop(&w.heap).(*Operation)
		o.wake = 0
		w.ready = append(w.ready, o)
	}
	return w.ready
}

type wakeHeap []*Operation

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].wake < h[j].wake }
func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *wakeHeap) Push(x any) {
	o := x.(*Operation)
	o.place = len(*h)
	*h = append(*h, o)
}

func (h *wakeHeap) Pop() any {
	old := *h
	o := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	o.place = -1
	return o
}

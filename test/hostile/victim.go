package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// The objects that the victims write, read and append to, over and over.
const (
	victimKeys = 64
	victimSize = 1024
	victims    = 8 // callers
)

func victimName(i int) foci.Name {
	return foci.Name{Bucket: "victims", Key: fmt.Sprintf("key-%02d", i)}
}

// load is honest work, and what became of it.
type load struct {
	session *client.Session

	mu     sync.Mutex
	took   []time.Duration
	failed int
	first  error
	last   [victimKeys]int // acknowledged by the one caller of each key
}

// run works until ctx ends; operations under way then are let finish.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for w := range victims {
		wg.Go(func() {
			for i := 1; ctx.Err() == nil; i++ {
				l.note(l.once(w+victims*rand.IntN(victimKeys/victims), i))
			}
		})
	}
	wg.Wait()
}

// once puts a key and reads it back; a put and a get, timed apart.
func (l *load) once(key, i int) (put, get time.Duration, err error) {
	want := victimContent(key, i)
	began := time.Now()
	if _, err = l.session.Put(context.Background(), victimName(key), bytes.NewReader(want), victimSize, client.PutOptions{}); err != nil {
		return 0, 0, fmt.Errorf("put %v: %w", victimName(key), err)
	}
	put = time.Since(began)
	l.mu.Lock()
	l.last[key] = i
	l.mu.Unlock()
	began = time.Now()
	if err = l.read(key, want); err != nil {
		return 0, 0, fmt.Errorf("get %v: %w", victimName(key), err)
	}
	return put, time.Since(began), nil
}

func victimContent(key, i int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%03d %011d\n", key, i), victimSize/16)
}

func (l *load) read(key int, want []byte) error {
	o, err := l.session.Get(context.Background(), victimName(key), client.GetOptions{})
	if err != nil {
		return err
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("other content came: %.20q, want %.20q", got, want)
	}
	return err
}

func (l *load) note(put, get time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if l.failed++; l.first == nil {
			l.first = err
		}
		return
	}
	l.took = append(l.took, put, get)
}

// check reads back what was acknowledged last of each key.
func (l *load) check() error {
	for key, i := range l.last {
		if i == 0 {
			continue
		}
		if err := l.read(key, victimContent(key, i)); err != nil {
			return fmt.Errorf("%v: %w", victimName(key), err)
		}
	}
	return nil
}

// p99 is how long the slowest operation but one in a hundred took.
func (l *load) p99() time.Duration {
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return l.took[len(l.took)*99/100]
}

package auth

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/files"
)

// Keys are the cluster keys that a process holds: the first signs, all are
// believed. The file is read again when it changes; a file that cannot be used
// is logged, and the keys before it stay in use.
type Keys struct {
	log   *slog.Logger
	read  func() ([]Key, error) // nil: they never change
	stamp func() string

	mu     sync.Mutex
	list   []Key
	looked time.Time
	seen   string // the stamp of what is in use
	complaint
}

// TheseKeys are keys that are in no file.
func TheseKeys(keys ...Key) *Keys { return &Keys{list: keys} }

// LoadKeys reads a file with cluster keys and watches it.
func LoadKeys(fs files.FS, path string, log *slog.Logger) (*Keys, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k := &Keys{log: log, stamp: func() string { return stamps(fs, path) }, looked: time.Now()}
	k.read = func() ([]Key, error) {
		text, err := readFile(fs, path, maxText, true)
		if err != nil {
			return nil, err
		}
		keys, err := ParseKeys(text)
		if err != nil {
			err = at(path, err)
		}
		return keys, err
	}
	k.seen = k.stamp()
	var err error
	k.list, err = k.read()
	return k, err
}

// Derive makes a key for one purpose from each of the keys that are valid now.
func (k *Keys) Derive(label string, now time.Time) (out [][KeySize]byte) {
	for _, key := range k.All(now) {
		out = append(out, key.Derive(label))
	}
	return out
}

// All are the keys that are valid now. The file is checked once in a second at
// most.
func (k *Keys) All(now time.Time) []Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.read == nil || now.Sub(k.looked) < reloadEvery {
		return k.list
	}
	k.looked = now
	stamp := k.stamp()
	if stamp == k.seen {
		return k.list
	}
	list, err := k.read()
	if k.isNew(err) {
		k.log.Error("the new cluster keys cannot be used; the old ones stay in use", "err", err)
	}
	if err == nil || mutant.On(mutant.ReadOnce) {
		k.seen = stamp // else it is tried again: what is wrong may not change the stamp, like an owner
	}
	if err != nil {
		return k.list
	}
	if mutant.On(mutant.RemovedKey) {
		for _, old := range k.list {
			if !slices.Contains(list, old) {
				list = append(list, old)
			}
		}
	}
	if mutant.On(mutant.SecondKey) {
		list = list[:1]
	}
	k.list = list
	k.log.Info("cluster keys read again", "keys", len(list))
	return k.list
}

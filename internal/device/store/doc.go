// Package store keeps one backend: one directory on one disk. Append-only segments
// (package segment) hold the records. An index (package index) holds the positions of
// records and can be rebuilt from the segments.
//
// A record is visible, to every method here, only after its fsync. Writes are
// committed in batches (group commit): while one commit batch is being fsynced, the
// next one gathers, and the one before enters the index.
//
// A removal is a record too, a tombstone. When records are destroyed, the watermark
// of their range of ids is raised first, durably.
//
// # Goroutines
//
// An open backend has three workers ([committer.work]) and a watcher. The workers
// take turns: the one whose turn it is takes records from the queue, decides on them
// in log order, writes and fsyncs them; then it enters the batch into the index,
// after the batches before it, and answers the callers. So a batch stays on one
// goroutine. The watcher answers in place of workers that cannot, because the index
// has failed or waits for space. All end when the queue is closed and empty. A
// backend that is opened on a full disk has others until there is space: the attempt
// to open the index, and one that waits for it.
//
// Callbacks (the done of Put and Hint) run on one of these goroutines, or before the
// call returns. A lock may be held (committer.turn, or for reading Backend.life): a
// callback must be quick, and must not call Close.
//
// # Locks
//
// In this order, where two are held at once:
//
//	Backend.life       held for reading while index and files are used; for writing by Close and when the index is replaced
//	committer.turn     the log and the plan: the worker whose turn it is
//	entries.mu         the batches between the log and the index
//	hints.mu           hints that are being kept, delivered or dropped
//	commitBatch.mu     the outcome of a batch, and repeats of its records
//	queue.mu           records that are accepted and not yet visible
//	sightingSlot.mu    one slot of the versions that queries have seen
//
// Everything else belongs to one goroutine, is set before the backend is shared, or
// is atomic.
package store

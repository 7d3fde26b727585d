// Package transfer copies files into the store and out of it: it plans the files
// of a copy, moves several at a time, tries again those whose failure may pass,
// and goes on past the others. It prints nothing; what happened to each file is an
// [Event].
//
// No key becomes a path outside of the target: keys are checked by themselves, and
// files are created below a target that is opened as a root, so that links inside
// it lead nowhere else. A file appears under its name only when it is whole.
//
// Run starts as many workers as files may be copied at a time and returns when all
// have ended. The only lock is Copy.mu, under which onFile runs; nothing is
// locked inside it.
package transfer

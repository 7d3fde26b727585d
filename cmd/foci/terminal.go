package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/localcluster"
)

// This file is the only one that writes text for people. Keys, names and error
// texts come from other machines, and a terminal obeys what is in them: control
// characters, escape sequences, changes of writing direction. They are shown
// quoted, as \x1b. The content of an object is not text and goes out as it is.

// message writes a message for people. Further lines, such as the result of each
// replica, are indented, so that every message begins with "foci: ".
func (a *app) message(format string, args ...any) { tell(a.stderr, format, args...) }

// tell writes one message.
func tell(w io.Writer, format string, args ...any) {
	lines := strings.Split(fmt.Sprintf(format, args...), "\n")
	for i := range lines {
		lines[i] = shown(lines[i])
	}
	fmt.Fprintf(w, "foci: %s\n", strings.Join(lines, "\n  "))
}

// childLine writes a line of a node of a local cluster with one write, because several
// children share standard error.
func (a *app) childLine(n localcluster.Node, line string) {
	fmt.Fprintf(a.stderr, "%s: %s\n", n.Name, shown(line))
}

// line writes one line of a command's output.
func (a *app) line(format string, args ...any) error {
	_, err := fmt.Fprintln(a.stdout, shown(fmt.Sprintf(format, args...)))
	return err
}

// table writes rows under a header, in columns.
func (a *app) table(header string, rows [][]string) error {
	return a.columns(append([][]string{strings.Fields(header)}, rows...))
}

// columns writes rows in columns.
func (a *app) columns(rows [][]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		cells := make([]string, len(r))
		for i := range r {
			cells[i] = shown(r[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// writeJSON writes v as one line of JSON. Unprintable characters are escaped as \u009b,
// which means the same to a program.
func writeJSON(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(escaped(text, jsonEscape), '\n'))
	return err
}

// printable returns a key for people: quoted when it holds unprintable characters, such
// as a line feed, or looks quoted already. JSON output has keys unchanged.
func printable(key string) string {
	if mutant.On(mutant.RawTerminal) {
		return key
	}
	if !utf8.ValidString(key) || strings.ContainsFunc(key, unprintable) || strings.HasPrefix(key, `"`) {
		return strconv.Quote(key)
	}
	return key
}

// shown returns text with unprintable characters, and bytes that are not UTF-8, escaped
// as \n, \x1b and \u202e.
func shown(s string) string {
	if mutant.On(mutant.RawTerminal) {
		return s
	}
	return string(escaped([]byte(s), textEscape))
}

// unprintable reports whether a character is anything but a letter, a mark, a
// number, punctuation, a symbol, or the space of ASCII.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// escaped returns text with its unprintable parts replaced.
func escaped(text []byte, escape func(dst []byte, r rune, part []byte) []byte) []byte {
	var out []byte
	kept := 0 // text up to here is in out
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || unprintable(r) {
			out = append(out, text[kept:i]...)
			out = escape(out, r, text[i:i+n])
			kept = i + n
		}
		i += n
	}
	if kept == 0 {
		return text
	}
	return append(out, text[kept:]...)
}

func textEscape(dst []byte, r rune, part []byte) []byte {
	if r == utf8.RuneError {
		return fmt.Appendf(dst, `\x%02x`, part[0])
	}
	quoted := strconv.AppendQuoteRuneToASCII(nil, r)
	return append(dst, quoted[1:len(quoted)-1]...)
}

// jsonEscape writes a character as JSON does; encoding/json leaves no other
// bytes than UTF-8.
func jsonEscape(dst []byte, r rune, _ []byte) []byte {
	if r > 0xffff {
		r -= 0x10000
		return fmt.Appendf(dst, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}

// quickSize is the size, in bytes, below which a transfer shows no progress:
// it would only flicker.
const quickSize = 8 << 20

// bar is the progress of one transfer; nil shows nothing.
type bar struct {
	all *mpb.Progress
	one *mpb.Bar
}

// onTerminal reports whether messages, not JSON, go to a terminal.
func (a *app) onTerminal() bool {
	f, ok := a.stderr.(*os.File)
	return ok && !a.json && cwriter.IsTerminal(int(f.Fd()))
}

// bar shows a transfer of total bytes, -1 when that is unknown.
func (a *app) bar(name string, total int64) *bar {
	if !a.onTerminal() || total >= 0 && total < quickSize {
		return nil
	}
	b := &bar{all: mpb.New(mpb.WithOutput(a.stderr))}
	b.one = b.all.AddBar(max(total, 0),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(shown(name)+" ")),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), " % .1f")),
	)
	return b
}

// reader counts what is read.
func (b *bar) reader(r io.Reader) io.Reader {
	if b == nil {
		return r
	}
	return b.one.ProxyReader(r)
}

// writer counts what is written.
func (b *bar) writer(w io.Writer) io.Writer {
	if b == nil {
		return w
	}
	return b.one.ProxyWriter(w)
}

func (b *bar) done() {
	if b == nil {
		return
	}
	b.one.Abort(true)
	b.all.Wait()
}

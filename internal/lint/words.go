package lint

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// forbidden are words that must not be published. They are put together here
// so that this file does not contain them.
var forbidden = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`\bFIX` + `ME\b|\bXX` + `X\b`), "finish it, or leave it out"},
	{regexp.MustCompile(`\bTO` + `DO(\([^)]{0,9}\)|[^(]|$)`), "finish it, leave it out, or say TO" + "DO(reason) in ten letters or more"},
	{regexp.MustCompile(`(^|[\s"'=(` + "`" + `])/wo` + `rk/`), "a path of one machine"},
	{regexp.MustCompile(`(^|[\s"'=(` + "`" + `])/tmp/` + `brief`), "a path of one machine"},
	{regexp.MustCompile(`(?i)\bDESIGN` + `(\.md)? ?§`), "give the reason itself"},
	{regexp.MustCompile(`(?i)\bissue` + ` #?[0-9]+\b`), "give the reason itself"},
}

// Words looks for forbidden words in every tracked text file.
func Words(m *Module) []Finding {
	var out []Finding
	for _, f := range m.Files {
		text := m.read(f)
		if bytes.IndexByte(text, 0) >= 0 || strings.HasSuffix(f, "go.sum") {
			continue
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			for _, w := range forbidden {
				if hit := w.pattern.Find(line); hit != nil {
					out = append(out, Finding{f, i + 1, fmt.Sprintf("%q: %s", bytes.TrimSpace(hit), w.why)})
				}
			}
		}
	}
	return out
}

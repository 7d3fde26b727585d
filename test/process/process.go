// Package process builds foci for tests of whole processes, reads what foci up and
// foci serve print with --json, and measures their memory.
package process

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds foci into a directory.
func Build(dir string) (binary string, err error) {
	binary = filepath.Join(dir, "foci")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/foci-store/foci/cmd/foci").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building foci: %w\n%s", err, out)
	}
	return binary, nil
}

// Event is one line that foci up or foci serve prints with --json.
type Event struct {
	Event string `json:"event"` // ready, exit or respawn
	Node  string `json:"node"`
	PID   int    `json:"pid"`
	Nodes []Node `json:"nodes"` // of foci up that is ready
}

// Node is a process of foci up.
type Node struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// Ready is the event of a process that serves.
const Ready = "ready"

// Events calls yield for each event until the output ends. Other lines are skipped.
func Events(stdout io.Reader, yield func(Event)) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			yield(e)
		}
	}
	_, _ = io.Copy(io.Discard, stdout) // after an overlong line: never block the process
}

// Memory is what a process holds, in bytes.
type Memory struct {
	Resident  int64
	Anonymous int64 // of that what is in no file
}

// MemoryOf returns the memory of a process, from /proc.
func MemoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &m.Resident) // the other lines do not match
		_, _ = fmt.Sscanf(line, "RssAnon: %d kB", &m.Anonymous)
	}
	if m.Resident == 0 || m.Anonymous == 0 {
		return m, fmt.Errorf("process %d: its memory is not in /proc", pid)
	}
	m.Resident, m.Anonymous = m.Resident<<10, m.Anonymous<<10
	return m, nil
}

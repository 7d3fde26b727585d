package client_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds goroutines that outlive the tests. A check of a model here
// writes to real disks, so there are fewer of them than usual unless asked for.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	flag.Parse()
	status := m.Run()
	if err := closeExamples(); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		status = 1
	}
	if status == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			status = 1
		}
	}
	os.Exit(status)
}

// Package e2e runs the real binary: clusters of real processes, killed with
// SIGKILL, and sessions of the command line written down as scripts in
// testdata. With FOCI_E2E=full the tests take the sizes of the nightly run.
package e2e

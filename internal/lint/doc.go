// Package lint keeps the shape of this repository: which folder may import
// which, how long a file or function may be, who may touch files and sockets,
// which kinds of files are tracked, and that documents name things that exist. Its tests are the check:
//
//	go test ./internal/lint
//
// Every rule is a function from a [Module] to its [Finding]s, and has a test on
// a tiny module that breaks it, so that a rule that went blind is noticed.
package lint

import "fmt"

// Finding is one place where a rule is broken.
type Finding struct {
	File string // relative to the module's root; may be empty
	Line int    // 0 = the whole file
	Msg  string // what is wrong and what to do
}

// String is file:line: message, as compilers print.
func (f Finding) String() string {
	switch {
	case f.File == "":
		return f.Msg
	case f.Line == 0:
		return fmt.Sprintf("%s: %s", f.File, f.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Msg)
}

// A Rule looks at a whole module.
type Rule struct {
	Name  string
	Check func(*Module) []Finding
}

// Rules are all rules, in the order in which they are reported.
var Rules = []Rule{
	{"layers", Layers},
	{"machines are pure", PureMachines},
	{"package comments", PackageComments},
	{"file length", FileLength},
	{"file lengths", FileLengths},
	{"package size", PackageSize},
	{"function length", FunctionLength},
	{"names", Names},
	{"known kinds of files", KnownKinds},
	{"files and sockets", Outside},
	{"architecture symbols", ArchitectureSymbols},
	{"contributing symbols", ContributingSymbols},
	{"dependencies have reasons", DependencyReasons},
	{"promises have tests", PromisesHaveTests},
	{"public types", PublicAPI},
	{"light clients", LightClients},
	{"words", Words},
}

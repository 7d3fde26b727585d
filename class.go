package foci

// Class says why a message travels, and so on which channels of a link.
type Class uint8

// The classes, as Elasticsearch named them: by purpose, never by priority.
const (
	Ping     Class = iota // liveness
	State                 // routes, layout, questions about the system
	Reg                   // puts, gets and votes of clients
	Bulk                  // bodies of large objects
	Recovery              // repair and data that moves
	NumClasses
)

var classNames = [NumClasses]string{"ping", "state", "reg", "bulk", "recovery"}

// String is the name used in configuration and output.
func (c Class) String() string {
	if c < NumClasses {
		return classNames[c]
	}
	return "unknown"
}

// MarshalText makes classes readable in JSON.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a class's name.
func (c *Class) UnmarshalText(t []byte) error {
	for i, n := range classNames {
		if n == string(t) {
			*c = Class(i)
			return nil
		}
	}
	return Errorf(Invalid, "class %q: want ping, state, reg, bulk or recovery", Clip(string(t)))
}

// Role is what a process is to the mesh.
type Role uint8

// The roles.
const (
	RoleTransport Role = iota // dials in; nobody dials back and no node's state has it
	RoleClient                // a full member that stores nothing
	RoleData                  // a full member with backends
	NumRoles
)

var roleNames = [NumRoles]string{"transport", "client", "data"}

// String is the name used in configuration and output.
func (r Role) String() string {
	if r < NumRoles {
		return roleNames[r]
	}
	return "unknown"
}

// MarshalText makes roles readable in JSON.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a role's name.
func (r *Role) UnmarshalText(t []byte) error {
	for i, n := range roleNames {
		if n == string(t) {
			*r = Role(i)
			return nil
		}
	}
	return Errorf(Invalid, "role %q: want transport, client or data", Clip(string(t)))
}

// Level is how many groups must have answered before a caller is called back.
// The zero Level leaves it to whoever is asked: in the end it is Quorum.
type Level uint8

// The levels. Only Quorum and All keep promise P1.
const (
	Quorum Level = iota + 1 // n/2+1 groups
	One                     // the first group that answers; outside P1
	All                     // every group
)

var levelNames = []string{"quorum", "quorum", "one", "all"}

// String is the name used in configuration and output.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return "unknown"
}

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(t []byte) error {
	for _, level := range []Level{Quorum, One, All} {
		if level.String() == string(t) {
			*l = level
			return nil
		}
	}
	return Errorf(Invalid, "level %q: want one, quorum or all", Clip(string(t)))
}

// Need is the number of groups out of n that the level asks for.
func (l Level) Need(n int) int {
	switch l {
	case One:
		return 1
	case All:
		return n
	default:
		return n/2 + 1
	}
}

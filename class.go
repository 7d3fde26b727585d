package foci

// Class is the purpose of a message. Each class has its own channels in a link.
type Class uint8

// The classes, named after Elasticsearch's. They are purposes, not priorities.
const (
	Ping     Class = iota // liveness
	State                 // routes, layout, status queries
	Reg                   // puts, gets and version queries of clients
	Bulk                  // bodies of large objects
	Recovery              // repair and data movement
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
	RoleTransport Role = iota // not a member: it dials nodes, and no node dials it
	RoleClient                // a member that stores nothing
	RoleData                  // a member with backends
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

// Level is how many groups must answer before an operation succeeds. The zero
// Level means the default of the session or the client, which is Quorum unless set.
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

// Need is the number of groups out of n that the level requires.
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

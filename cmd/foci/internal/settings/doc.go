// Package settings reads foci.toml, the configuration of a node, checks it, and
// makes a node's configuration of it. [Help] shows every setting.
package settings

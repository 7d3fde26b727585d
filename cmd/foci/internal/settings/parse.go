package settings

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// maxConfig bounds a configuration file, in bytes: reading one by mistake that
// is no configuration must not fill the memory.
const maxConfig = 1 << 20

// Read reads foci.toml. Relative directories become relative to it.
func Read(path string) (Node, error) {
	f, err := os.Open(path)
	if err != nil {
		return Node{}, &foci.Error{Kind: foci.Invalid, Op: "config", Where: path, Err: vfs.Cause(err), Msg: "cannot be read"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return Node{}, &foci.Error{Kind: foci.Invalid, Op: "config", Where: path, Err: vfs.Cause(err), Msg: "cannot be read"}
	}
	c, err := Parse(text)
	if err != nil {
		return Node{}, foci.Errorf(foci.KindOf(err), "%s: %w", path, err)
	}
	c.anchor(filepath.Dir(path))
	return c, nil
}

// Parse reads the text of foci.toml; errors name the line and the key.
func Parse(text []byte) (Node, error) {
	if len(text) > maxConfig {
		return Node{}, foci.Errorf(foci.TooLarge, "over %d bytes: this is no configuration file", maxConfig)
	}
	var c Node
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	err := dec.DisallowUnknownFields().Decode(&c)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		e := &unknown.Errors[0]
		line, _ := e.Position()
		return Node{}, foci.Errorf(foci.Invalid, "line %d: unknown key %.80q; foci help serve lists them", line, strings.Join(e.Key(), "."))
	case errors.As(err, &bad):
		line, _ := bad.Position()
		return Node{}, foci.Errorf(foci.Invalid, "line %d, key %.80q: %w", line, strings.Join(bad.Key(), "."), err)
	}
	return Node{}, foci.Errorf(foci.Invalid, "%w", err)
}

// anchor makes directories relative to base.
func (c *Node) anchor(base string) {
	at := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(base, p)
	}
	c.Dir = at(c.Dir)
	for _, p := range []*string{&c.Key, &c.MetricsToken, &c.TLS.Cert, &c.TLS.Key, &c.TLS.CA, &c.TLS.IssuingKey, &c.Auth.Deny} {
		if *p != "" {
			*p = at(*p)
		}
	}
	for i := range c.Backends {
		c.Backends[i].Dir = at(c.Backends[i].Dir)
	}
}

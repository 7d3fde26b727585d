package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/files"
)

// The bounds of a deny list: bytes of its file, and lines that deny.
const (
	maxDenyText  = 64 << 10
	maxDenyLines = 4096
)

// maxSerial is the most bytes of a certificate's serial number.
const maxSerial = 20

// denied is a deny list: certificates by serial number, and identities whatever
// their certificate is.
type denied struct {
	serials map[string]bool // bytes without leading zeros
	names   map[rights.Principal]bool
}

// parseDenied reads the text of a deny list: lines "serial HEX", "name
// client/NAME" and "name node/UUID", comments from # to the end. It fails with
// Invalid, or with TooLarge.
func parseDenied(text []byte) (*denied, error) {
	if len(text) > maxDenyText {
		return nil, foci.Errorf(foci.TooLarge, "a deny list has at most %d bytes", maxDenyText)
	}
	d := &denied{map[string]bool{}, map[rights.Principal]bool{}}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(d.serials)+len(d.names) >= maxDenyLines {
			return nil, foci.Errorf(foci.TooLarge, "line %d: a deny list has at most %d entries", n, maxDenyLines)
		}
		if len(words) != 2 || !d.add(words[0], words[1]) {
			return nil, foci.Errorf(foci.Invalid, "line %d: want \"serial HEX\", \"name client/NAME\" or \"name node/UUID\", not %q", n, foci.Clip(strings.TrimSpace(line)))
		}
	}
	return d, nil
}

// add adds one line. It reports whether the line has the right form.
func (d *denied) add(kind, what string) bool {
	switch kind {
	case "serial":
		what = strings.ReplaceAll(what, ":", "")
		if len(what)%2 == 1 {
			what = "0" + what
		}
		b, err := hex.DecodeString(what)
		if err != nil || len(b) == 0 || len(b) > maxSerial {
			return false
		}
		d.serials[string(bytes.TrimLeft(b, "\x00"))] = true
		return true
	case "name":
		n, err := ParseName(nameScheme + ":" + AnyCluster + "/" + what)
		if err != nil {
			return false
		}
		d.names[n.Principal()] = true
		return true
	}
	return false
}

// empty reports whether nothing is denied.
func (d *denied) empty() bool { return d == nil || len(d.serials)+len(d.names) == 0 }

// DeniedName fails with Denied when an identity is in the deny list: that of a
// client whose request another member relays, without a certificate.
func (c *Certificates) DeniedName(p rights.Principal) error {
	if c == nil {
		return nil
	}
	d := c.denied.Load()
	if d == nil || !d.names[p] || mutant.On(mutant.DeniedAsker) {
		return nil
	}
	return &foci.Error{Kind: foci.Denied, Msg: string(p) + " is denied here", Fix: "ask the administrator of the cluster: it is in the deny list of the node"}
}

// check fails with Denied when a certificate or its identity is in the list.
func (d *denied) check(leaf *x509.Certificate, n Name) error {
	if d == nil || !d.names[n.Principal()] && !d.serials[string(leaf.SerialNumber.Bytes())] {
		return nil
	}
	return &foci.Error{
		Kind: foci.Denied, Msg: "the certificate of " + string(n.Principal()) + ", serial " + hex.EncodeToString(leaf.SerialNumber.Bytes()) + ", is denied here",
		Fix: "ask the administrator of the cluster: it is in the deny list of the node",
	}
}

// Deny denies what a file lists; while there is no file, nothing. The file is
// read again when it changes; one that cannot be used is logged, and the list
// before it stays in force. It fails with Invalid when there is a file that
// cannot be used.
func (c *Certificates) Deny(fsys files.FS, path string) error {
	w := &denyFile{fs: fsys, path: path}
	if _, err := w.look(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denyFile = w
	c.setDenied(w.list)
	return nil
}

// setDenied puts a list in force; c.mu is held.
func (c *Certificates) setDenied(d *denied) {
	c.denied.Store(d)
	c.changes.Add(1)
}

// lookDenied reads the deny list again when its file has changed; c.mu is held.
func (c *Certificates) lookDenied() {
	if c.denyFile == nil {
		return
	}
	changed, err := c.denyFile.look()
	switch {
	case c.denyFile.isNew(err):
		c.log.Error("the new deny list cannot be used; the old one stays in force", "err", err)
	case changed:
		c.setDenied(c.denyFile.list)
		c.log.Info("deny list read again", "serials", len(c.denyFile.list.serials), "names", len(c.denyFile.list.names))
	}
}

// denyFile is the file of a deny list.
type denyFile struct {
	fs   files.FS
	path string
	seen string // the stamp of what is in force
	list *denied
	complaint
}

// look reads the file when it has changed.
func (w *denyFile) look() (changed bool, err error) {
	stamp := stamps(w.fs, w.path)
	if stamp == w.seen || mutant.On(mutant.StaleDenyList) && w.list != nil {
		return false, nil
	}
	text, err := files.ReadFile(w.fs, w.path, maxDenyText)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !w.list.empty() && !mutant.On(mutant.VanishedDenyList):
		return false, &foci.Error{Kind: foci.Invalid, Where: w.path, Msg: "the deny list was deleted", Fix: "restore it; a file without entries denies nothing"}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, unreadable(w.path, err)
	}
	list, err := parseDenied(text)
	if err != nil {
		return false, at(w.path, err)
	}
	w.seen, w.list = stamp, list
	return true, nil
}

package main

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

func credentialCommand(a *app) *cobra.Command {
	var f credentialFlags
	c := &cobra.Command{
		Use:   "credential NAME",
		Short: "Make the credential of another client or node",
		Long: `Make the credential of a client of that name: a certificate, signed with the cluster key or by the
authority that foci init --tls made. Nodes accept it without being told of it. It never makes a member.
It is valid for 90 days; the commands and the Go client renew it in its file while they are connected.

  foci credential backup --key cluster.key --out backup.credential
  foci credential backup --ca ca.pem --ca-key ca.key --out backup.credential
  foci credential reader --key cluster.key --rights "photos=r,music=rw" --out reader.credential

--rights are the client's rights: *=OPS on all buckets, BUCKET=OPS on one, with OPS r, w or rw, and
admin to administer the cluster.

With --node, make the certificate and the private key of a node, in NAME.pem and NAME.key of
the directory --out:

  foci credential d --node 5f0c… --ca ca.pem --ca-key ca.key --out home

The node's id is in the layout and in foci nodes. A member that is in no layout (foci serve --role client)
takes its id from the certificate: --node new draws one.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(a, args[0]) },
	}
	s := c.Flags()
	s.StringVar(&f.key, "key", "", "file with the cluster key")
	s.StringVar(&f.ca, "ca", "", "file with the authority's certificate")
	s.StringVar(&f.caKey, "ca-key", "", "file with the authority's private key")
	s.StringVar(&f.rights, "rights", rights.Data().String(), "rights of the client")
	s.StringVar(&f.node, "node", "", "id of the node that the certificate is for, or new")
	s.StringVarP(&f.out, "out", "o", "", "write to this file, which must not exist (default: standard output); with --node a directory (default: this one)")
	return c
}

// credentialFlags are the flags of credential.
type credentialFlags struct{ key, ca, caKey, node, rights, out string }

func (f *credentialFlags) run(a *app, name string) error {
	switch {
	case (f.key != "") == (f.ca != "" || f.caKey != ""):
		return usagef("from what? give --key, or --ca and --ca-key")
	case f.key == "" && (f.ca == "" || f.caKey == ""):
		return usagef("certificates need both --ca and --ca-key")
	case f.node != "" && f.key != "":
		return usagef("--node is for certificates: with a key, a node needs the cluster key itself")
	}
	if f.node != "" {
		return f.forNode(a, name)
	}
	text, err := f.client(name)
	if err != nil {
		return err
	}
	if f.out == "" {
		_, err := a.stdout.Write(text)
		return err
	}
	return credential.WriteNew("credential", filepath.Dir(f.out), []credential.File{{Name: filepath.Base(f.out), Text: text, Mode: 0o600}})
}

// client returns the text of a client's credential.
func (f *credentialFlags) client(name string) ([]byte, error) {
	r, err := rights.Parse(f.rights)
	if err != nil {
		return nil, usage(err)
	}
	ca, err := f.authority()
	if err != nil {
		return nil, err
	}
	return ca.Client(name, r, time.Now())
}

func (f *credentialFlags) forNode(a *app, name string) error {
	id, err := f.id()
	if err != nil {
		return usage(err)
	}
	ca, err := f.authority()
	if err != nil {
		return err
	}
	if err := auth.CheckName(name); err != nil {
		return usage(err)
	}
	files, err := credential.ForNode(ca, id, name, name, time.Now())
	if err != nil {
		return err
	}
	dir := f.out
	if dir == "" {
		dir = "."
	}
	if err := credential.WriteNew("credential", dir, files); err != nil {
		return err
	}
	return a.printMade(dir, files)
}

// id returns the given node id, or a new one.
func (f *credentialFlags) id() (id foci.NodeID, err error) {
	if f.node == newNode {
		u, err := foci.NewUUID(rand.Reader)
		return foci.NodeID(u), err
	}
	return id, id.UnmarshalText([]byte(f.node))
}

// newNode asks for a new id.
const newNode = "new"

// authority returns the signing authority: the cluster key, or a separate authority.
func (f *credentialFlags) authority() (*auth.Authority, error) {
	if f.key == "" {
		return auth.LoadAuthority(files.OS(), f.ca, f.caKey)
	}
	key, err := auth.LoadKey(files.OS(), f.key)
	if err != nil {
		return nil, err
	}
	return key.Authority()
}

// printMade prints the files made, and which to copy where.
func (a *app) printMade(dir string, files []credential.File) error {
	made := struct {
		Dir   string            `json:"dir"`
		Files []credential.File `json:"files"`
	}{dir, files}
	return a.print(made, func() error {
		rows := make([][]string, len(files))
		for i, f := range files {
			rows[i] = []string{filepath.Join(dir, f.Name), fmt.Sprintf("%04o", f.Mode), f.For}
		}
		return a.table("FILE MODE FOR", rows)
	})
}

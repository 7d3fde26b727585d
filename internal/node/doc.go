// Package node is the server: it opens the backends of one process and serves
// what peers ask of them. It decides nothing about quorums; that is done where
// the caller is. A node is a replica and nothing more.
//
// One file for each kind of question: put.go, get.go, list.go, control.go;
// serve.go tells them apart.
package node

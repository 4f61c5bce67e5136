//go:build go1.24

package agent

// maxSwapBack bounds the entries written while the service's lock is held in
// one go. A Swiss map grows table by table, so inserting in chunks keeps every
// hold short and is preferred early.
const maxSwapBack = 8 << 10

// growthNote is what a plan says about an undo into a large live map.
const growthNote = ""

//go:build !go1.24

package agent

// maxSwapBack bounds the entries written while the service's lock is held in
// one go. Up to Go 1.23 a map doubles its bucket array in a single insert,
// hundreds of megabytes at once for millions of entries; writing this many
// entries into the old map, which has its buckets already, is the shorter hold.
const maxSwapBack = 128 << 10

// growthNote is what a plan says about an undo into a large live map.
const growthNote = "Up to Go 1.23 a map doubles its bucket array in one insert: an undo after the service has written " +
	"more than 131072 new entries can hold the lock for as long as that takes, a few hundred milliseconds for millions of entries."

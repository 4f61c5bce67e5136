//go:build !go1.22

package mapsize

// Go 1.21 rounded 8*13/16 down before it doubled it: its maps grow at 6
// entries a bucket.
const loadFactorNum = 12

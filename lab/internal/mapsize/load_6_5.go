//go:build go1.22 && (!go1.24 || (!go1.26 && !goexperiment.swissmap))

package mapsize

// Twice 6.5, the entries a bucket before a classic map grows.
const loadFactorNum = 13

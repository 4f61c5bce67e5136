//go:build !go1.23

package main

// walkPull is never asked for: parseWalking refuses it.
func (p *locked[K, V]) walkPull(visit func(K, V, bool) bool) { p.walkRange(visit) }

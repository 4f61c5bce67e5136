//go:build go1.23

package main

import (
	"iter"
	"maps"
)

func init() { canPull = true }

func (p *locked[K, V]) walkPull(visit func(K, V, bool) bool) {
	p.read.Lock()
	defer p.read.Unlock()
	next, stop := iter.Pull2(maps.All(*p.m))
	defer stop()
	for {
		k, v, ok := next()
		if !ok || !p.step(k, v, visit) {
			return
		}
	}
}

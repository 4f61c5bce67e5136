package main

import (
	"fmt"
	"reflect"
)

// walking says where the iterator of a walk is kept.
type walking string

const (
	walkRange   walking = "range"   // a range statement: on the stack
	walkReflect walking = "reflect" // a reflect.MapIter: on the heap
	walkPull    walking = "pull"    // an iter.Pull: on the stack of a coroutine
)

// canPull: iter.Pull is there from Go 1.23 on.
var canPull = false

func parseWalking(text string) (walking, error) {
	switch how := walking(text); {
	case how == walkRange, how == walkReflect, how == walkPull && canPull:
		return how, nil
	}
	return "", fmt.Errorf("--iterator %q: range, reflect or, from Go 1.23 on, pull", text)
}

func (p *locked[K, V]) walk(how walking, visit func(K, V, bool) bool) {
	switch how {
	case walkReflect:
		p.walkReflect(visit)
	case walkPull:
		p.walkPull(visit)
	default:
		p.walkRange(visit)
	}
}

func (p *locked[K, V]) walkRange(visit func(K, V, bool) bool) {
	p.read.Lock()
	defer p.read.Unlock()
	for k, v := range *p.m {
		if !p.step(k, v, visit) {
			return
		}
	}
}

func (p *locked[K, V]) walkReflect(visit func(K, V, bool) bool) {
	p.read.Lock()
	defer p.read.Unlock()
	for iter := kept(reflect.ValueOf(*p.m).MapRange()); iter.Next(); {
		k, v := iter.Key().Interface(), iter.Value().Interface()
		key, _ := k.(K) // a nil of an interface type stays nil
		if !p.step(key, v.(V), visit) {
			return
		}
	}
}

// step lets the lock go while visit looks at the entry.
func (p *locked[K, V]) step(k K, v V, visit func(K, V, bool) bool) bool {
	_, here := (*p.m)[k]
	p.read.Unlock()
	defer p.read.Lock()
	return visit(k, v, here)
}

// kept moves what it is given to the heap.
//
//go:noinline
func kept(iter *reflect.MapIter) *reflect.MapIter {
	lastIter.Store(iter)
	return iter
}

package main

import (
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// subject is one map, whatever is in it.
type subject interface {
	address() uintptr
	delete(gone func(uint64) bool)
	clear()
	check(gone func(uint64) bool) string
	exercise() string
	begin()
	hold()
	end() string
}

// kind is a map with keys K and elements V, made of the numbers 0 to entries-1.
type kind[K comparable, V any] struct {
	m       map[K]V
	entries uint64
	key     func(uint64) K
	elem    func(uint64) V
	next    chan int
}

func newKind[K comparable, V any](entries int, key func(uint64) K, elem func(uint64) V) subject {
	k := &kind[K, V]{map[K]V{}, uint64(entries), key, elem, make(chan int)}
	k.fill(0, k.entries)
	return k
}

func (k *kind[K, V]) fill(from, to uint64) {
	for n := from; n < to; n++ {
		k.m[k.key(n)] = k.elem(n)
	}
}

func (k *kind[K, V]) address() uintptr { return uintptr(*(*unsafe.Pointer)(unsafe.Pointer(&k.m))) }

func (k *kind[K, V]) delete(gone func(uint64) bool) {
	for n := uint64(0); n < k.entries; n++ {
		if gone(n) {
			delete(k.m, k.key(n))
		}
	}
}

func (k *kind[K, V]) clear() { clear(k.m) }

func (k *kind[K, V]) check(gone func(uint64) bool) string {
	return wrong(k.m, k.entries, k.key, k.elem, gone)
}

// wrong tells what is wrong with m, if it is to hold the first entries but for
// those that are gone.
func wrong[K comparable, V any](m map[K]V, entries uint64, key func(uint64) K, elem func(uint64) V, gone func(uint64) bool) string {
	left, ranged := 0, 0
	for n := uint64(0); n < entries; n++ {
		v, there := m[key(n)]
		switch {
		case there == gone(n):
			return fmt.Sprintf("key %d: there is %t", n, there)
		case there && !reflect.DeepEqual(v, elem(n)):
			return fmt.Sprintf("key %d: %v", n, v)
		case there:
			left++
		}
	}
	for range m {
		ranged++
	}
	if len(m) != left || ranged != left {
		return fmt.Sprintf("%d are left, len says %d, range %d", left, len(m), ranged)
	}
	return "ok"
}

func none(uint64) bool { return false }

// exercise begins with whatever is in the map.
func (k *kind[K, V]) exercise() string {
	copied := maps.Clone(k.m)
	if len(copied) != len(k.m) || !maps.EqualFunc(copied, k.m, func(a, b V) bool { return reflect.DeepEqual(a, b) }) {
		return "clone: it is another"
	}
	k.fill(0, 4*k.entries)
	if said := wrong(k.m, 4*k.entries, k.key, k.elem, none); said != "ok" {
		return "grown: " + said
	}
	odd := func(n uint64) bool { return n%2 == 1 }
	whole := k.entries
	k.entries *= 4
	k.delete(odd)
	k.entries = whole
	if said := wrong(k.m, 4*k.entries, k.key, k.elem, odd); said != "ok" {
		return "deleted: " + said
	}
	k.clear()
	if len(k.m) != 0 {
		return "clear: some are left"
	}
	k.fill(0, k.entries)
	return wrong(k.m, k.entries, k.key, k.elem, none)
}

// begin leaves an iterator alive, between two steps, on a stack of its own.
func (k *kind[K, V]) begin() {
	first := make(chan bool)
	go func() {
		seen := 0
		for range k.m {
			if seen++; seen == 1 {
				first <- true
				<-k.next
			}
		}
		k.next <- seen
	}()
	<-first
}

// shelf makes what is put on it an object of the heap.
var shelf atomic.Pointer[reflect.MapIter]

// hold leaves a reflect.MapIter on the heap, that stands on an entry. What it
// stands on is to be in the map when it is asked, later.
func (k *kind[K, V]) hold() {
	first := make(chan bool)
	go func() {
		iter := reflect.ValueOf(k.m).MapRange()
		shelf.Store(iter)
		shelf.Store(nil)
		iter.Next()
		first <- true
		<-k.next
		seen := 0
		if _, there := k.m[iter.Key().Interface().(K)]; there {
			for seen = 1; iter.Next(); {
				seen++
			}
		}
		k.next <- seen
	}()
	<-first
}

func (k *kind[K, V]) end() string {
	k.next <- 0
	return fmt.Sprint(<-k.next)
}

package main

import (
	"sync"
	"time"
	"unsafe"
)

// place is one map (or sync.Map) with keys K and elements V, and the lock that
// the program takes around it.
type place[K comparable, V any] interface {
	get(k K) (V, bool)
	put(k K, v V)
	drop(k K)
	// all visits every entry with the lock held throughout; false ends it.
	all(visit func(k K, v V) bool)
	// walk visits every entry with the lock held for each step alone, so that
	// an iterator is alive while the lock is free. here says whether the entry
	// is in the map in that moment.
	walk(how walking, visit func(k K, v V, here bool) bool)
	size() int
	// hold keeps the lock for as long as work takes.
	hold(work func())
	// deleteAll deletes key by key.
	deleteAll()
	exercise(keys []K, value func(K) V, same func(a, b V) bool) []string
	located() location
}

// location tells a test where the map and its lock lie.
type location struct {
	Map      uintptr `json:"map"`
	Lock     uintptr `json:"lock"`
	LockKind string  `json:"lock_kind"`
}

const selfGuarded = "sync.Map"

// locked is a map behind a lock; m is the word that holds the map, whoever
// declares it.
type locked[K comparable, V any] struct {
	write, read sync.Locker
	m           *map[K]V
	at          location
}

func behindMutex[K comparable, V any](mu *sync.Mutex, m *map[K]V) *locked[K, V] {
	at := location{Lock: uintptr(unsafe.Pointer(mu)), LockKind: "sync.Mutex"}
	return &locked[K, V]{write: mu, read: mu, m: m, at: at}
}

func behindRWMutex[K comparable, V any](mu *sync.RWMutex, m *map[K]V) *locked[K, V] {
	at := location{Lock: uintptr(unsafe.Pointer(mu)), LockKind: "sync.RWMutex"}
	return &locked[K, V]{write: mu, read: mu.RLocker(), m: m, at: at}
}

func (p *locked[K, V]) get(k K) (V, bool) {
	p.read.Lock()
	defer p.read.Unlock()
	v, ok := (*p.m)[k]
	return v, ok
}

func (p *locked[K, V]) put(k K, v V) {
	p.write.Lock()
	defer p.write.Unlock()
	(*p.m)[k] = v
}

func (p *locked[K, V]) drop(k K) {
	p.write.Lock()
	defer p.write.Unlock()
	delete(*p.m, k)
}

func (p *locked[K, V]) all(visit func(K, V) bool) {
	p.read.Lock()
	defer p.read.Unlock()
	seen, size := 0, len(*p.m)
	for k, v := range *p.m {
		if !visit(k, v) {
			return
		}
		seen++
	}
	if seen != size {
		faults.miscounted.Add(1)
	}
}

func (p *locked[K, V]) size() int {
	p.read.Lock()
	defer p.read.Unlock()
	return len(*p.m)
}

func (p *locked[K, V]) hold(work func()) {
	p.write.Lock()
	defer p.write.Unlock()
	work()
}

func (p *locked[K, V]) located() location {
	at := p.at
	at.Map = uintptr(*(*unsafe.Pointer)(unsafe.Pointer(p.m)))
	return at
}

func (p *locked[K, V]) exercise(keys []K, value func(K) V, same func(a, b V) bool) []string {
	p.write.Lock()
	defer p.write.Unlock()
	return exerciseMap(*p.m, keys, value, same)
}

// pause lasts until d is over, to the microsecond where d is short.
func pause(d time.Duration) {
	if d >= 200*time.Microsecond {
		time.Sleep(d)
		return
	}
	spin(d)
}

// spin lasts until d is over, and goes on running.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

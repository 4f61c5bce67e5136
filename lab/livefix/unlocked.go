package main

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// unlocked is a sync.Map, which guards itself. Its operations take turns, so
// that each that changes it is under way at some time.
type unlocked[K comparable, V any] struct {
	m          *sync.Map
	comparable bool
	turn       atomic.Uint64
}

func inSyncMaps[K comparable, V any](maps ...*sync.Map) []place[K, V] {
	places := make([]place[K, V], len(maps))
	for i, m := range maps {
		var v V
		places[i] = &unlocked[K, V]{m: m, comparable: reflect.TypeOf(v).Comparable()}
	}
	return places
}

func (p *unlocked[K, V]) get(k K) (V, bool) {
	v, ok := p.m.Load(k)
	if !ok {
		var none V
		return none, false
	}
	return v.(V), true
}

func (p *unlocked[K, V]) put(k K, v V) {
	switch p.turn.Add(1) % 3 {
	case 0:
		p.m.Store(k, v)
	case 1:
		p.m.Swap(k, v)
	default:
		p.replace(k, v)
	}
}

// replace ends with v there, whatever was there before.
func (p *unlocked[K, V]) replace(k K, v V) {
	old, there := p.m.LoadOrStore(k, v)
	if there && !(p.comparable && p.m.CompareAndSwap(k, old, v)) {
		p.m.Store(k, v)
	}
}

func (p *unlocked[K, V]) drop(k K) {
	switch p.turn.Add(1) % 3 {
	case 0:
		p.m.Delete(k)
	case 1:
		p.m.LoadAndDelete(k)
	default:
		old, there := p.m.Load(k)
		if there && !(p.comparable && p.m.CompareAndDelete(k, old)) {
			p.m.Delete(k)
		}
	}
}

func (p *unlocked[K, V]) all(visit func(K, V) bool) {
	p.m.Range(func(k, v any) bool { return visit(k.(K), v.(V)) })
}

// walk says that every entry is there: Range promises nothing about what was
// deleted meanwhile. But it visits no key twice.
func (p *unlocked[K, V]) walk(_ walking, visit func(K, V, bool) bool) {
	seen := map[any]bool{}
	p.m.Range(func(k, v any) bool {
		if seen[k] {
			faults.twice.Add(1)
		}
		seen[k] = true
		return visit(k.(K), v.(V), true)
	})
}

func (p *unlocked[K, V]) size() int {
	size := 0
	p.m.Range(func(any, any) bool { size++; return true })
	return size
}

// hold only works: nobody outside can hold its lock.
func (p *unlocked[K, V]) hold(work func()) { work() }

func (p *unlocked[K, V]) located() location {
	return location{Map: uintptr(unsafe.Pointer(p.m)), LockKind: selfGuarded}
}

// exercise does to a sync.Map all that a program may do to one; others go on
// using it, so only the keys given are looked at.
func (p *unlocked[K, V]) exercise(keys []K, value func(K) V, same func(a, b V) bool) []string {
	var said []string
	expect := func(ok bool, what string) {
		if !ok {
			said = append(said, what)
		}
	}
	for _, k := range keys {
		_, there := p.m.LoadOrStore(k, value(k))
		expect(!there, "LoadOrStore: the key is there already")
	}
	expect(p.count(keys, value, same) == len(keys), "Load: an entry is not what was stored")
	seen := map[any]bool{}
	p.m.Range(func(k, _ any) bool { seen[k] = true; return true })
	for i, k := range keys {
		expect(seen[k], "Range: an entry was not visited")
		if i%2 == 0 {
			_, there := p.m.LoadAndDelete(k)
			expect(there, "LoadAndDelete: the entry was gone")
		}
	}
	expect(p.count(keys, value, same) == len(keys)/2, "Delete: not half of the entries are left")
	emptied(p.m)
	expect(p.count(keys, value, same) == 0, "Clear: an entry is left")
	for _, k := range keys {
		_, there := p.m.Swap(k, value(k))
		expect(!there, "Swap after Clear: the key is there already")
	}
	expect(p.count(keys, value, same) == len(keys), "Swap after Clear: an entry is not what was stored")
	emptied(p.m)
	return said
}

func (p *unlocked[K, V]) count(keys []K, value func(K) V, same func(a, b V) bool) int {
	found := 0
	for _, k := range keys {
		if v, ok := p.get(k); ok && same(v, value(k)) {
			found++
		}
	}
	return found
}

// emptied takes everything out: Clear where this Go has it.
func emptied(m *sync.Map) {
	if clearer, ok := any(m).(interface{ Clear() }); ok {
		clearer.Clear()
		return
	}
	m.Range(func(k, _ any) bool { m.Delete(k); return true })
}

// Command mapzoo holds a map of every kind, says what each is, and waits for its standard input to end.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// animal is the truth about one map: how Go prints its type, how many entries, where it is held ("" where nobody
// promises a name).
type animal struct {
	Type string `json:"type"`
	Len  int    `json:"len"`
	Path string `json:"path"`
}

var animals []animal

func note[M ~map[K]V, K comparable, V any](path string, m M) M {
	animals = append(animals, animal{fmt.Sprintf("%T", m), len(m), path})
	return m
}

func noteSync(path string, m *sync.Map) {
	n := 0
	m.Range(func(_, _ any) bool { n++; return true })
	animals = append(animals, animal{"sync.Map", n, path})
}

// next gives every map a length of its own, so that it can be told from the others.
var length = 20

func next() int { length += 7; return length }

func fill[K comparable, V any](n int, key func(int) K, value V) map[K]V {
	m := make(map[K]V)
	for i := 0; i < n; i++ {
		m[key(i)] = value
	}
	return m
}

func number(i int) int64 { return int64(i) }
func text(i int) string  { return fmt.Sprint("key ", i) }

type wide [200]byte
type named map[uint16]int8
type point struct{ x, y int32 }

// Cache is generic.
type Cache[K comparable, V any] struct {
	mu    sync.Mutex
	items map[K]V
}

type node struct {
	next *node
	m    map[point]bool
}

type holder interface{ size() int }
type inside struct{ byKind map[uint8]float64 }

func (i *inside) size() int { return len(i.byKind) }

type shard struct {
	mu sync.RWMutex
	m  sync.Map
	n  map[int32]int32
}

var (
	numbers      map[int64]int64
	unsigned     map[uint64]uint64
	few          map[int64]int64
	flags        map[uint32]bool
	floats       map[[2]uint64]float32
	set          map[string]struct{}
	emptySet     map[int]struct{}
	bigKeys      map[wide]int
	bigValues    map[int]wide
	bigTexts     map[int][20]string
	ofMaps       map[string]map[int16]int16
	byName       named
	anything     map[any]any
	array        [3]map[string]int
	boxed        any
	atomicBox    atomic.Value
	pointer      atomic.Pointer[inside]
	list         *node
	held         holder
	cache        *Cache[string, point]
	plainCache   Cache[point, []string]
	queue        = make(chan map[string]uint8, 3)
	structs      = make(chan inside, 2)
	closure      func() int
	slices       []map[int]int
	global       sync.Map
	deleted      sync.Map
	promoted     sync.Map
	shards       [4]*shard
	withContext  context.Context
	ofFunctions  map[string]func() int
	interfaceMap map[holder]int
)

type contextKey struct{}

func fillGlobals() {
	numbers = note("main.numbers", fill(next(), number, int64(1)))
	unsigned = note("main.unsigned", fill(next(), func(i int) uint64 { return uint64(i) }, uint64(2)))
	few = note("main.few", fill(3, number, int64(1)))
	flags = note("main.flags", fill(next(), func(i int) uint32 { return uint32(i) }, true))
	floats = note("main.floats", fill(next(), func(i int) [2]uint64 { return [2]uint64{uint64(i), 1} }, float32(1)))
	set = note("main.set", fill(next(), text, struct{}{}))
	emptySet = note("main.emptySet", fill(next(), func(i int) int { return i }, struct{}{}))
	bigKeys = note("main.bigKeys", fill(next(), func(i int) wide { return wide{byte(i)} }, 1))
	bigValues = note("main.bigValues", fill(next(), func(i int) int { return i }, wide{}))
	bigTexts = note("main.bigTexts", fill(next(), func(i int) int { return i }, [20]string{}))
	anything = note("main.anything", fill(next(), func(i int) any { return i }, any("value")))
	byName = make(named)
	for i := next(); i > 0; i-- {
		byName[uint16(i)] = 1
	}
	note("main.byName", byName)
	ofFunctions = note("main.ofFunctions", fill(next(), text, func() int { return 1 }))
	interfaceMap = note("main.interfaceMap", fill(next(), func(i int) holder { return &inside{} }, 1))
	ofMaps = make(map[string]map[int16]int16)
	for i := 0; i < 3; i++ {
		ofMaps[text(i)] = note("", fill(next(), func(i int) int16 { return int16(i) }, int16(1)))
	}
	note("main.ofMaps", ofMaps)
}

func fillHolders() {
	for i := range array {
		array[i] = note(fmt.Sprintf("main.array[%d]", i), fill(next(), text, i))
	}
	boxed = note("", fill(next(), func(i int) float64 { return float64(i) }, int32(7)))
	atomicBox.Store(note("", fill(next(), func(i int) int8 { return int8(i) }, int64(7))))
	pointer.Store(&inside{note("", fill(next(), func(i int) uint8 { return uint8(i) }, 1.5))})
	for i := 0; i < 5; i++ {
		list = &node{list, note("", fill(next(), func(i int) point { return point{int32(i), 0} }, true))}
	}
	held = &inside{note("", fill(next(), func(i int) uint8 { return uint8(i) }, 2.5))}
	cache = &Cache[string, point]{items: note("main.cache.items", fill(next(), text, point{}))}
	plainCache.items = note("main.plainCache.items", fill(next(), func(i int) point { return point{int32(i), 1} }, []string{"a"}))
	for i := 0; i < 3; i++ {
		queue <- note("", fill(next(), text, uint8(i)))
	}
	structs <- inside{note("", fill(next(), func(i int) uint8 { return uint8(i) }, 3.5))}
	captured := note("", fill(next(), func(i int) complex64 { return complex(float32(i), 1) }, uint16(1)))
	closure = func() int { captured[1]++; return len(captured) }
	for i := 0; i < 4; i++ {
		slices = append(slices, note("", fill(next(), func(i int) int { return i }, i)))
	}
	withContext = context.WithValue(context.Background(), contextKey{}, note("", fill(next(), func(i int) [3]byte { return [3]byte{byte(i)} }, uint32(1))))
}

func fillSyncMaps() {
	store := func(m *sync.Map, n int) {
		for i := 0; i < n; i++ {
			m.Store(i, text(i))
		}
	}
	promote := func(m *sync.Map) { m.Range(func(_, _ any) bool { return true }) }
	store(&global, next())
	store(&deleted, 100)
	promote(&deleted)
	for i := 0; i < 60; i++ {
		deleted.Delete(i)
	}
	deleted.Store("one more", fill(2, number, int64(1)))
	store(&promoted, next())
	promote(&promoted)
	for i := range shards {
		shards[i] = &shard{n: note(fmt.Sprintf("main.shards[%d].n", i), fill(next(), func(i int) int32 { return int32(i) }, int32(1)))}
		store(&shards[i].m, next())
		if i == 2 {
			shards[i].m.Store("within", note("", fill(next(), func(i int) [3]int32 { return [3]int32{int32(i)} }, "x")))
		}
	}
	noteSync("main.global", &global)
	noteSync("main.deleted", &deleted)
	noteSync("main.promoted", &promoted)
	for i := range shards {
		noteSync(fmt.Sprintf("main.shards[%d].m", i), &shards[i].m)
	}
}

// onStack keeps maps that do not escape.
func onStack(ready, done chan struct{}, report chan<- animal) {
	local := make(map[int64]uint32)
	for i := 0; i < 300; i++ {
		local[int64(i)] = 1
	}
	ofTexts := make(map[string]int64)
	for i := 0; i < 310; i++ {
		ofTexts[text(i)] = 1
	}
	report <- animal{"map[int64]uint32", len(local), ""}
	report <- animal{"map[string]int64", len(ofTexts), ""}
	close(ready)
	<-done
	local[1]++
	ofTexts["a"]++
}

func main() {
	fillGlobals()
	fillHolders()
	fillSyncMaps()
	ready, done, report := make(chan struct{}), make(chan struct{}), make(chan animal, 2)
	go onStack(ready, done, report)
	<-ready
	animals = append(animals, <-report, <-report)
	runtime.GC()
	runtime.GC()
	_ = json.NewEncoder(os.Stdout).Encode(animals)
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(done)
	use()
}

// use refers to everything after the wait, so that nothing is dead before.
func use() {
	fmt.Fprintln(os.Stderr, len(numbers), len(unsigned), len(few), len(flags), len(floats), len(set), len(emptySet),
		len(bigKeys), len(bigValues), len(bigTexts), len(ofMaps), len(byName), len(anything), len(array), boxed,
		atomicBox.Load(), pointer.Load(), list, held.size(), cache.items, plainCache.items, len(queue), len(structs),
		closure(), slices, withContext, len(ofFunctions), len(interfaceMap))
	global.Range(func(_, _ any) bool { return false })
	deleted.Range(func(_, _ any) bool { return false })
	promoted.Range(func(_, _ any) bool { return false })
	for _, s := range shards {
		s.m.Range(func(_, _ any) bool { return false })
	}
}

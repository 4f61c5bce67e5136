// Command locks has maps that are guarded in many ways, and some in none. It
// prints a line "name map lock..." for each, then READY, and waits for its
// stdin to be closed.
package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"
)

var (
	deferred   map[string]int
	deferredMu sync.Mutex

	shared   map[string]int
	sharedMu sync.RWMutex

	early   map[string]int
	earlyMu sync.Mutex

	// Whoever counts visits holds visitsMu, but never around the map.
	passing  map[string]int
	visits   int
	visitsMu sync.Mutex

	// One takes this lock, one that: there is nothing to be relied on.
	torn   map[string]int
	tornMu [2]sync.Mutex

	// The lock of whoever comes along.
	foreign map[string]int

	// Guarded by the one who calls.
	helped   map[string]int
	helpedMu sync.Mutex
)

//go:noinline
func deferredPut(k string) {
	deferredMu.Lock()
	defer deferredMu.Unlock()
	deferred[k]++
}

//go:noinline
func deferredGet(k string) int {
	deferredMu.Lock()
	defer deferredMu.Unlock()
	return deferred[k]
}

//go:noinline
func sharedPut(k string) {
	sharedMu.Lock()
	shared[k]++
	sharedMu.Unlock()
}

//go:noinline
func sharedGet(k string) int {
	sharedMu.RLock()
	n := shared[k]
	sharedMu.RUnlock()
	return n
}

//go:noinline
func earlyPut(k string) bool {
	earlyMu.Lock()
	if _, ok := early[k]; ok {
		earlyMu.Unlock()
		return false
	}
	early[k] = len(early)
	earlyMu.Unlock()
	return true
}

//go:noinline
func passingGet(k string) int {
	visitsMu.Lock()
	visits++
	visitsMu.Unlock()
	return passing[k]
}

//go:noinline
func tornPut(k string) {
	tornMu[0].Lock()
	torn[k]++
	tornMu[0].Unlock()
}

//go:noinline
func tornGet(k string) int {
	tornMu[1].Lock()
	defer tornMu[1].Unlock()
	return torn[k]
}

type stranger struct{ mu sync.Mutex }

//go:noinline
func (s *stranger) put(k string) {
	s.mu.Lock()
	foreign[k]++
	s.mu.Unlock()
}

//go:noinline
func helpedInsert(k string) { helped[k]++ }

//go:noinline
func helpedPut(k string) {
	helpedMu.Lock()
	helpedInsert(k)
	helpedMu.Unlock()
}

type twoLocks struct {
	first  sync.Mutex
	m      map[string]int
	second sync.RWMutex
	name   string
	size   [16]int
}

type withOnce struct {
	once sync.Once
	m    map[string]int
}

type ownLock struct{ sync.RWMutex }

type wrapped struct {
	lock ownLock
	m    map[string]int
}

type byInterface struct {
	lock sync.Locker
	m    map[string]int
}

type inner struct {
	mu sync.Mutex
	m  map[string]int
}

type nested struct {
	mu    sync.Mutex
	parts [3]inner
}

type noLockYet struct {
	mu *sync.Mutex
	m  map[string]int
}

// So that their types are known also where nothing is named: an interface
// says what is in it.
var held []any

func hold[T any](v *T) *T {
	held = append(held, v)
	return v
}

func tell(name string, m map[string]int, locks ...unsafe.Pointer) {
	fmt.Print(name, " ", *(*uintptr)(unsafe.Pointer(&m)))
	for _, lock := range locks {
		fmt.Print(" ", uintptr(lock))
	}
	fmt.Println()
}

func filled() map[string]int { return map[string]int{"a": 1, "b": 2} }

func main() {
	deferred, shared, early = filled(), filled(), filled()
	passing, torn, foreign, helped = filled(), filled(), filled(), filled()
	strange := &stranger{}
	for _, k := range []string{"x", "y"} {
		deferredPut(k)
		sharedPut(k)
		earlyPut(k)
		tornPut(k)
		strange.put(k)
		helpedPut(k)
		visits += deferredGet(k) + sharedGet(k) + passingGet(k) + tornGet(k)
	}
	tell("deferred", deferred, unsafe.Pointer(&deferredMu))
	tell("shared", shared, unsafe.Pointer(&sharedMu))
	tell("early", early, unsafe.Pointer(&earlyMu))
	tell("passing", passing)
	tell("torn", torn)
	tell("foreign", foreign)
	tell("helped", helped)

	two := hold(&twoLocks{m: filled()})
	tell("two", two.m, unsafe.Pointer(&two.first), unsafe.Pointer(&two.second))
	tell("once", hold(&withOnce{m: filled()}).m)
	own := hold(&wrapped{m: filled()})
	tell("own", own.m, unsafe.Pointer(&own.lock))
	var rw sync.RWMutex
	kept := hold(&rw)
	reading := hold(&byInterface{lock: kept.RLocker(), m: filled()})
	tell("interface", reading.m, unsafe.Pointer(kept))
	many := hold(&nested{})
	for i := range many.parts {
		many.parts[i].m = filled()
		tell(fmt.Sprint("nested", i), many.parts[i].m, unsafe.Pointer(&many.parts[i].mu))
	}
	tell("nil", hold(&noLockYet{m: filled()}).m)

	fmt.Println("READY")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

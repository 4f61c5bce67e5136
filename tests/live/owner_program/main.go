// Command ownerprogram holds maps in locals, in fields of locals and in closures; each has as many entries as its
// name in owners says.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

type item struct{ a, b int }

type cache struct {
	mu    sync.Mutex
	items map[int]*item
}

type server struct {
	name  string
	inner struct{ byKey map[string]*item }
	cache *cache
}

var (
	never    = make(chan int)
	sink     int
	handlers []func(int)
	hook     func() int
)

// entries of each map, so that it is found again by their number.
const (
	inLocal = 1001 + iota
	inField
	inFieldOfField
	inParameter
	inHeader
	inClosure
	inEscaped
	inMethodValue
	inDeepCaller
	inNestedClosure
	inMapOfClosure
)

//go:noinline
func filled(n int) map[int]*item {
	m := map[int]*item{}
	for i := 0; i < n; i++ {
		m[i] = &item{i, i}
	}
	return m
}

//go:noinline
func filledByKey(n int) map[string]*item {
	m := map[string]*item{}
	for i := 0; i < n; i++ {
		m[fmt.Sprint(i)] = &item{i, i}
	}
	return m
}

//go:noinline
func newCache(n int) *cache { return &cache{items: filled(n)} }

func local() {
	m := filled(inLocal)
	wait()
	sink += len(m)
}

func field() {
	c := newCache(inField)
	wait()
	sink += len(c.items)
}

func fieldOfField() {
	s := newServer()
	wait()
	sink += len(s.inner.byKey)
}

//go:noinline
func newServer() *server {
	s := &server{name: "s", cache: &cache{}}
	s.inner.byKey = filledByKey(inFieldOfField)
	return s
}

//go:noinline
func parameter(given map[int]*item) {
	wait()
	sink += len(given)
}

// header has a map that does not escape: its header lies on the stack.
func header() {
	m := map[int]int{}
	for i := 0; i < inHeader; i++ {
		m[i] = i
	}
	wait()
	sink += len(m)
}

// framed has maps that lie wholly on the stack, slots and all.
func framed() {
	m := map[int]int{sink: 1, sink + 1: 2, sink + 2: 3}
	none := map[string]int{}
	wait()
	sink += len(m) + m[sink]
	none["a"] = sink
	sink += none["b"]
}

func deepCaller() {
	m := filled(inDeepCaller)
	through(m, 20)
	sink += len(m)
}

//go:noinline
func through(m map[int]*item, depth int) {
	if depth == 0 {
		wait()
		sink += len(m)
		return
	}
	through(m, depth-1)
	sink += len(m)
}

//go:noinline
func wait() { <-never }

//go:noinline
func newHandler() func(int) {
	kept := filled(inClosure)
	return func(n int) { sink += kept[n%len(kept)].a }
}

//go:noinline
func newIndexed() func(int) {
	byName := map[string]map[int]*item{"b": filled(inMapOfClosure)}
	return func(n int) { sink += byName["b"][n].a }
}

//go:noinline
func newResetter() func(int) {
	table := filled(inEscaped)
	return func(n int) {
		if n < 0 {
			table = filled(1)
		}
		sink += len(table)
	}
}

//go:noinline
func newNested() func(int) {
	deep := filled(inNestedClosure)
	return func(n int) {
		hook = func() int { return len(deep) + n }
	}
}

func (c *cache) lookUp(n int) { sink += c.items[n].a }

func main() {
	handlers = append(handlers, newHandler(), newResetter(), newCache(inMethodValue).lookUp, newIndexed())
	newNested()(3)
	fillGlobals()
	for _, work := range []func(){local, field, fieldOfField, func() { parameter(filled(inParameter)) }, header, framed, deepCaller} {
		go work()
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		fmt.Println("READY")
	}()
	os.Stdin.Read(make([]byte, 1))
	fmt.Println(len(handlers), sink, hook(), handle())
}

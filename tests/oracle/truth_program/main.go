// The runtime's own answers about this very binary: what our reading of the file is compared with.
//
//	truth frames < PCS   for each call address (hexadecimal, a line each) the frames that CallersFrames makes of it
//	truth stacks         real stacks: their PCs and the frames that CallersFrames makes of them
//	truth memory         the PCs of real stacks, and the words of their memory, lowest address first
//	truth heap           heap?debug=1, then FuncForPC's name of every PC in it less one
//
// The first line is the address of main.main: the file is loaded elsewhere where it is position independent.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

const (
	betweenFields = "\x1e"
	betweenFrames = "\x1f"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "%x\n", reflect.ValueOf(main).Pointer())
	_ = out.Flush()
	switch os.Args[1] {
	case "frames":
		answer(out)
	case "stacks":
		stacks(out)
	case "memory":
		memory(out)
	case "heap":
		heap(out)
	}
}

// linked is never called: it makes the program as large and as inlined as a service is.
var linked = http.ListenAndServe

func answer(out *bufio.Writer) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		pc, _ := strconv.ParseUint(lines.Text(), 16, 64)
		// A second PC that belongs to nothing makes Go 1.23 and newer unfold the inlined calls of the first.
		write(out, runtime.FuncForPC(uintptr(pc)).Name(), []uintptr{uintptr(pc) + 1, 1})
	}
}

func write(out *bufio.Writer, head string, pcs []uintptr) {
	fmt.Fprint(out, head)
	for frames := runtime.CallersFrames(pcs); ; {
		frame, more := frames.Next()
		if frame.PC != 0 {
			fields := []any{frame.Function, frame.File, frame.Line, reflect.ValueOf(frame).FieldByName("startLine").Int()}
			for number, field := range fields {
				fmt.Fprint(out, []string{betweenFrames, betweenFields}[min(number, 1)], field)
			}
		}
		if !more {
			fmt.Fprintln(out)
			return
		}
	}
}

func heap(out *bufio.Writer) {
	runtime.MemProfileRate = 512
	fill()
	runtime.GC()
	runtime.GC()
	var text bytes.Buffer
	_ = pprof.Lookup("heap").WriteTo(&text, 1)
	_, _ = out.Write(text.Bytes())
	fmt.Fprintln(out, "SYMBOLS")
	for _, stack := range regexp.MustCompile(`@ (0x.*)`).FindAllStringSubmatch(text.String(), -1) {
		for _, word := range strings.Fields(stack[1]) {
			pc, _ := strconv.ParseUint(strings.TrimPrefix(word, "0x"), 16, 64)
			fmt.Fprintf(out, "%#x %s\n", pc-1, runtime.FuncForPC(uintptr(pc-1)).Name())
		}
	}
}

type session struct{ payload [64]byte }

// Cache is a generic type with a method that is inlined, and one that is not.
type Cache[K comparable, V any] struct {
	mu    sync.Mutex
	items map[K]V
}

func (c *Cache[K, V]) put(key K, value V) { c.items[key] = value }

//go:noinline
func (c *Cache[K, V]) Put(key K, value V, note func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, value)
	note()
}

var (
	cache  = &Cache[string, *session]{items: map[string]*session{}}
	number = map[int64]int64{}
	lines  []string
	kept   sync.Map
)

//go:noinline
func fill() {
	for i := 0; i < 5000; i++ {
		key := fmt.Sprint("session-", i)
		cache.Put(key, &session{}, func() { lines = append(lines, key) })
		outer(number, int64(i))
		kept.Store(key, i)
	}
}

func outer(m map[int64]int64, n int64)  { middle(m, n) }
func middle(m map[int64]int64, n int64) { inner(m, n) }
func inner(m map[int64]int64, n int64)  { m[n] = n }

// Walker has a wrapper around its embedded method, and callbacks are called through interfaces.
type walker interface{ walk(int, func()) }
type base struct{ steps int }
type embedding struct{ *base }

func (b *base) walk(depth int, visit func()) {
	b.steps++
	if depth > 0 {
		descend(b, depth, visit)
		return
	}
	visit()
}

func descend(w walker, depth int, visit func()) { w.walk(depth-1, visit) }

func inlinedThrice(visit func())   { inlinedTwice(visit) }
func inlinedTwice(visit func())    { inlinedOnce(visit) }
func inlinedOnce(visit func())     { visit() }
func generic[T any](_ T, f func()) { inlinedThrice(f) }

//go:noinline
func genericCaller[T any](value T, f func()) { generic(value, f) }

func stacks(out *bufio.Writer) {
	inManyWays(func() {
		pcs := callers()
		write(out, hexadecimal(pcs), pcs)
	})
}

// memory reads its own stack: integers, because a captured pointer would move what it points to off the stack.
func memory(out *bufio.Writer) {
	debug.SetGCPercent(-1)
	grown()
	var here uintptr
	top := uintptr(unsafe.Pointer(&here))
	inManyWays(func() {
		var bottom uintptr
		if size := top - uintptr(unsafe.Pointer(&bottom)); size < 1<<16 {
			fmt.Fprintln(out, hexadecimal(callers())+betweenFrames+hexadecimal(unsafe.Slice(&bottom, size/8)))
		}
	})
}

// grown makes the stack large enough never to be moved again.
//
//go:noinline
func grown() int {
	var room [1 << 16]byte
	return len(os.Args) + int(room[len(os.Args)])
}

//go:noinline
func callers() []uintptr {
	pcs := make([]uintptr, 200)
	return pcs[:runtime.Callers(2, pcs)]
}

func hexadecimal(numbers []uintptr) string {
	words := make([]string, len(numbers))
	for i, number := range numbers {
		words[i] = strconv.FormatUint(uint64(number), 16)
	}
	return strings.Join(words, " ")
}

func inManyWays(record func()) {
	inlinedThrice(record)
	generic(1, record)
	genericCaller(map[string][]int{}, func() { inlinedTwice(record) })
	var through walker = embedding{&base{}}
	through.walk(4, record)
	sort.Slice([]int{2, 1}, func(i, j int) bool { record(); return i < j })
	strings.Map(func(r rune) rune { record(); return r }, "a")
	(&sync.Once{}).Do(record)
	cache.Put("key", nil, record)
	func() {
		defer record()
		defer inlinedOnce(record)
		defer func() { _ = recover(); inlinedTwice(record) }()
		panic("as planned")
	}()
	var wait sync.WaitGroup
	wait.Add(1)
	go func() { defer wait.Done(); inlinedThrice(record) }()
	wait.Wait()
	reflect.ValueOf(through.walk).Call([]reflect.Value{reflect.ValueOf(2), reflect.ValueOf(record)})
}

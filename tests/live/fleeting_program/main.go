// Command fleeting has a map, or a sync.Map, that one goroutine holds and
// nobody else. When it is told so, that goroutine ends, and another map comes
// to lie where the first one lay.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"
)

const entries = 10

// held is a map of one kind or the other.
type held interface {
	at() uintptr
	size() int
}

type plain map[int64]int64

func (m plain) at() uintptr { return *(*uintptr)(unsafe.Pointer(&m)) }
func (m plain) size() int   { return len(m) }

type shared struct{ m *sync.Map }

func (s shared) at() uintptr { return uintptr(unsafe.Pointer(s.m)) }
func (s shared) size() (n int) {
	s.m.Range(func(any, any) bool { n++; return true })
	return n
}

//go:noinline
func newMap(isShared bool) held {
	if isShared {
		s := shared{new(sync.Map)}
		for n := int64(0); n < entries; n++ {
			s.m.Store(n, n)
		}
		return s
	}
	m := plain{}
	for n := int64(0); n < entries; n++ {
		m[n] = n
	}
	return m
}

func hold(isShared bool, told chan<- uintptr, end <-chan bool) {
	m := newMap(isShared)
	told <- m.at()
	<-end
	told <- uintptr(m.size())
}

func main() {
	isShared := len(os.Args) > 1 && os.Args[1] == "sync.Map"
	told, end, lines := make(chan uintptr), make(chan bool), bufio.NewScanner(os.Stdin)
	go hold(isShared, told, end)
	place := <-told
	fmt.Printf("READY %d\n", place)
	lines.Scan()
	end <- true
	<-told
	runtime.GC()
	runtime.GC()
	var others []held
	for n := 0; n < 1_000_000 && (n == 0 || others[n-1].at() != place); n++ {
		others = append(others, newMap(isShared))
	}
	fmt.Println(others[len(others)-1].at() == place)
	for lines.Scan() {
		for _, m := range others {
			if m.size() != entries {
				fmt.Println("another map was emptied")
				return
			}
		}
		fmt.Println("all are whole")
	}
}

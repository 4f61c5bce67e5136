// A program that dies as it is told to: what Go prints then are goldens.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

var ends = map[string]func(){
	"panic":     panicInDeferred,
	"nil":       dereferenceNil,
	"map":       writeMapTwice,
	"memory":    allocateAll,
	"stack":     func() { debug.SetMaxStack(1 << 20); _ = recurse(0) },
	"deadlock":  func() { <-make(chan int) },
	"minutes":   waitForMinutes,
	"spinning":  panicWhileOthersRun,
	"ancestors": func() { go func() { go panic("as planned") }(); select {} },
}

func main() {
	end := ends[os.Args[1]]
	if os.Args[1] != "deadlock" { // which only comes where nobody else can run
		var started sync.WaitGroup
		for i := 0; i < 3; i++ {
			started.Add(1)
			go worker(make(chan int), &started)
		}
		started.Add(1)
		go locked(make(chan int), &started)
		started.Wait()
	}
	end()
}

//go:noinline
func worker(jobs <-chan int, started *sync.WaitGroup) {
	started.Done()
	<-jobs
}

//go:noinline
func locked(jobs <-chan int, started *sync.WaitGroup) {
	runtime.LockOSThread()
	started.Done()
	<-jobs
}

func panicInDeferred() {
	defer func() { panic(fmt.Errorf("after %v", recover())) }()
	panic("first\n\ngoroutine 7 [made up]:\nin the words of the panic")
}

func dereferenceNil() {
	var p *struct{ field int }
	p.field = 1
}

func writeMapTwice() {
	m := map[int]int{}
	for writer := 0; writer < 4; writer++ {
		go func() {
			for i := 0; ; i++ {
				m[i%100] = i
			}
		}()
	}
	select {}
}

// allocateAll runs out of address space long before the machine runs out of memory.
func allocateAll() {
	limit := syscall.Rlimit{Cur: 2 << 30, Max: 2 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		panic(err)
	}
	var kept [][]byte
	for {
		kept = append(kept, make([]byte, 64<<20))
	}
}

//go:noinline
func recurse(depth int) int {
	return recurse(depth+1) + 1
}

// waitForMinutes dies when its workers have waited for over a minute. Go counts from the end of the GC before the
// one that saw them wait.
func waitForMinutes() {
	runtime.GC()
	runtime.GC()
	time.Sleep(65 * time.Second)
	panic("as planned")
}

// panicWhileOthersRun: the stacks of goroutines on other threads cannot be had, and one of them logs on.
func panicWhileOthersRun() {
	go func() {
		for i := 0; ; i++ {
			fmt.Fprintf(os.Stderr, "level=info msg=\"request %d\"\n", i)
			time.Sleep(10 * time.Microsecond)
		}
	}()
	go func() {
		for i := 0; ; i++ {
		}
	}()
	time.Sleep(5 * time.Millisecond)
	panic("as planned")
}

// Command stackprogram has goroutines in every kind of wait and of work. Sent SIGQUIT, Go prints all stacks.
package main

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

var (
	never    = make(chan int)
	sink     int
	locked   sync.Mutex
	readable sync.RWMutex
	someDay  = sync.NewCond(&sync.Mutex{})
)

func main() {
	locked.Lock()
	readable.Lock()
	var born sync.WaitGroup
	start := func(wait func()) {
		born.Add(1)
		go func() { born.Done(); wait() }()
	}
	for _, wait := range waits() {
		start(wait)
	}
	for _, work := range works() {
		start(work)
	}
	born.Wait()
	go func() {
		time.Sleep(200 * time.Millisecond) // until everybody stands where it will stand, main too
		fmt.Println("READY")
	}()
	os.Stdin.Read(make([]byte, 1))
}

// waits are parked for ever, each in its own way.
func waits() []func() {
	return append([]func(){
		func() { recurse(3) },
		func() { recurse(500) },
		receive,
		send,
		choose,
		func() { locked.Lock() },
		func() { readable.RLock() },
		waitForSomeDay,
		func() { time.Sleep(time.Hour) },
		accept,
		func() { inline(7) },
		func() { newBox(3).hold(never) },
		func() { var w waiter = &sign{}; w.wait() },
		deferred,
		panicking,
		nilCall,
		func() { large() },
		func() {
			for range ticks() {
			}
		},
	}, calledFromC()...)
}

func recurse(depth int) int {
	if depth == 0 {
		return <-never
	}
	var pad [64]int
	pad[depth%64] = recurse(depth - 1)
	return pad[depth%64] + depth
}

func receive() { <-never }

func send() { never2 := make(chan string); never2 <- "x" }

func choose() {
	select {
	case <-never:
	case v := <-make(chan int):
		sink += v
	case make(chan int) <- 3:
	}
}

func waitForSomeDay() {
	someDay.L.Lock()
	someDay.Wait()
}

func accept() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	listener.Accept()
}

// inline is small enough to disappear in its caller, twice.
func inline(n int) int { return n + inlineToo(n) }

func inlineToo(n int) int { return n * receiveValue() }

func receiveValue() int { return <-never }

type waiter interface{ wait() }

type box[T any] struct{ value T }

func newBox[T any](v T) *box[T] { return &box[T]{v} }

//go:noinline
func (b *box[T]) hold(c chan int) { <-c }

type sign struct{}

func (*sign) wait() { <-never }

// deferred waits in a deferred call.
func deferred() {
	defer receive()
	sink++
}

// panicking waits in a deferred call that a panic runs.
func panicking() {
	defer func() {
		defer receive()
		sink++
	}()
	fault(nil)
}

//go:noinline
func fault(p *[100]int) { p[3] = 4 }

// nilCall waits in a deferred call that calling nil runs.
func nilCall() {
	defer receive()
	var f func()
	if sink > 1<<40 {
		f = receive
	}
	f()
}

// large has a frame of more than a page.
//
//go:noinline
func large() int {
	var pad [3000]int
	pad[sink&1] = <-never
	return pad[sink&3]
}

func ticks() <-chan time.Time { return make(chan time.Time) }

// works run for ever: in a loop without calls, in calls, in the clock, in allocation, over a map.
func works() []func() {
	return []func(){spin, callMuch, readTheClock, allocateMuch, fillMap}
}

func spin() {
	x := 1
	for {
		x = x*3 + 1
		if x == 0 {
			return
		}
	}
}

func callMuch() {
	for i := 0; ; i++ {
		sink += fibonacci(i & 15)
	}
}

//go:noinline
func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func readTheClock() {
	for {
		if time.Now().IsZero() {
			return
		}
	}
}

var kept []byte

func allocateMuch() {
	for i := 0; ; i++ {
		kept = make([]byte, i&4095)
	}
}

func fillMap() {
	m := map[int]int{}
	for i := 0; ; i++ {
		m[i&0xffff]++
		if i&0xfffff == 0 {
			clearAll(m)
		}
	}
}

func clearAll(m map[int]int) {
	for k := range m {
		delete(m, k)
	}
}

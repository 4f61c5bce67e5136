// Command survivalprogram is busy in one way, and checks all the while that no call of its own is broken or lost.
// To each byte on its standard input it answers with what it counted, as a line of JSON.
package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	counts [7]atomic.Int64
	names  = [7]string{"ticks", "reads", "sleeps", "wakes", "signals", "registers", "work"}
	wrong  struct {
		sync.Mutex
		what []string
	}
	kept = map[int]*[8]int{}
)

const (
	ticks = iota
	reads
	sleeps
	wakes
	signals
	registers
	work
)

func main() {
	for n := 0; n < 50_000; n++ {
		kept[n] = new([8]int)
	}
	for _, check := range []func(){tick, readPipe, sleepExactly, waitOnFutex, countSignals, holdRegisters} {
		go check()
	}
	busy[os.Args[1]]()
	answer()
	runtime.KeepAlive(kept)
}

// busy are the ways to be hard to stop.
var busy = map[string]func(){
	"threads": func() {
		for n := 0; n < 2; n++ {
			go startThreads()
		}
	},
	"profile": func() {
		runtime.SetCPUProfileRate(500) // the profile keeps it, and says so on standard error
		if err := pprof.StartCPUProfile(io.Discard); err != nil {
			panic(err)
		}
		for n := 0; n < 2; n++ {
			go burn()
		}
	},
	"exec":     func() { go runChildren() },
	"confined": func() {},
	"limited":  makeThreads,
}

// startThreads ends each goroutine with its thread locked: the thread ends too, and the next one needs a new one.
func startThreads() {
	for {
		done := make(chan bool)
		go func() {
			runtime.LockOSThread()
			close(done)
		}()
		<-done
		counts[work].Add(1)
		time.Sleep(200 * time.Microsecond)
	}
}

// makeThreads leaves so many threads idle that no new one is ever needed: who may make none is not ended for that.
func makeThreads() {
	var all sync.WaitGroup
	for n := 0; n < 40; n++ {
		all.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			pause := syscall.NsecToTimespec(int64(100 * time.Millisecond))
			_ = syscall.Nanosleep(&pause, nil)
			all.Done()
		}()
	}
	all.Wait()
}

func burn() {
	for sum := 0; ; sum++ {
		if sum%1_000_000 == 0 {
			counts[work].Add(1)
		}
	}
}

func runChildren() {
	for {
		said, err := exec.Command("/bin/echo", "here").Output()
		if err != nil || string(said) != "here\n" {
			complain("a child said %q: %v", said, err)
		}
		counts[work].Add(1)
	}
}

func answer() {
	for one := make([]byte, 1); ; {
		if _, err := os.Stdin.Read(one); err != nil {
			return
		}
		said := map[string]any{}
		for index, name := range names {
			said[name] = counts[index].Load()
		}
		wrong.Lock()
		said["wrong"] = append([]string{}, wrong.what...)
		wrong.Unlock()
		if json.NewEncoder(os.Stdout).Encode(said) != nil {
			return
		}
	}
}

package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	patience  = 5 * time.Second
	napTime   = 2 * time.Millisecond
	mostTold  = 20
	rounds    = 5000
	futexWait = 0
	futexWake = 1
)

func complain(format string, words ...any) {
	wrong.Lock()
	defer wrong.Unlock()
	if len(wrong.what) < mostTold {
		wrong.what = append(wrong.what, fmt.Sprintf(format, words...))
	}
}

func tick() {
	for range time.Tick(time.Millisecond) {
		counts[ticks].Add(1)
	}
}

// readPipe reads, in a blocking call, numbers that come one by one: none is missing, none comes twice.
func readPipe() {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		panic(err)
	}
	go func() {
		for next := byte(0); ; next++ {
			if n, err := syscall.Write(ends[1], []byte{next}); n != 1 || err != nil {
				complain("write: %d, %v", n, err)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	one := make([]byte, 1)
	for next := byte(0); ; next++ {
		// Go's handlers ask for calls to be restarted (SA_RESTART): EINTR is no answer here.
		if n, err := syscall.Read(ends[0], one); n != 1 || err != nil || one[0] != next {
			complain("read: %d, %v, %d for %d", n, err, one[0], next)
		}
		counts[reads].Add(1)
	}
}

// sleepExactly sleeps in the kernel; what a signal of the program's own breaks off is slept on.
func sleepExactly() {
	for {
		began, left := time.Now(), syscall.NsecToTimespec(int64(napTime))
		for {
			err := syscall.Nanosleep(&left, &left)
			if err == nil {
				break
			}
			if err != syscall.EINTR {
				complain("nanosleep: %v", err)
				break
			}
		}
		if slept := time.Since(began); slept < napTime {
			complain("nanosleep: %v instead of %v", slept, napTime)
		}
		counts[sleeps].Add(1)
	}
}

// waitOnFutex waits until another thread says so: no wake is lost.
func waitOnFutex() {
	word, long := new(uint32), syscall.NsecToTimespec(int64(patience))
	go func() {
		for {
			time.Sleep(time.Millisecond)
			atomic.AddUint32(word, 1)
			syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, 1, 0, 0, 0)
		}
	}()
	for {
		seen := atomic.LoadUint32(word)
		_, _, err := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(seen),
			uintptr(unsafe.Pointer(&long)), 0, 0)
		if err != 0 && err != syscall.EAGAIN && err != syscall.EINTR {
			complain("futex: %v", err)
		}
		counts[wakes].Add(1)
	}
}

// registersHold fills the registers, looks at them in each round, and tells whether they hold.
func registersHold(rounds, seed uint64) (ok bool)

func holdRegisters() {
	for seed := uint64(1) << 40; ; seed += 1 << 33 {
		if !registersHold(rounds, seed) {
			complain("a register changed")
		}
		counts[registers].Add(1)
		time.Sleep(200 * time.Microsecond)
	}
}

// countSignals sends itself one signal at a time: each arrives, and arrives once.
func countSignals() {
	got := make(chan os.Signal, 64)
	signal.Notify(got, syscall.SIGUSR1)
	for {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			complain("kill: %v", err)
		}
		select {
		case <-got:
			counts[signals].Add(1)
		case <-time.After(patience):
			complain("a signal was lost")
		}
		time.Sleep(time.Millisecond / 2)
		if len(got) > 0 {
			<-got
			complain("a signal came twice")
		}
	}
}

package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// beat is what a service does every millisecond if nobody holds it up.
const beat = time.Millisecond

// longestGap is the longest time between two beats since it was last asked
// for: nanoseconds.
var longestGap atomic.Int64

func pulse() {
	ticker := time.NewTicker(beat)
	last := time.Now()
	for range ticker.C {
		now := time.Now()
		if gap := int64(now.Sub(last)); gap > longestGap.Load() {
			longestGap.Store(gap)
		}
		last = now
	}
}

// takeGap returns the longest gap, and begins anew.
func takeGap() int64 { return longestGap.Swap(0) }

func collect(every time.Duration) {
	for {
		runtime.GC()
		time.Sleep(every)
	}
}

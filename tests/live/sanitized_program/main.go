// Command sanitized calls C, and then the race detector from within map
// operations: that one is C as well, called on the system stack, and nothing
// in g.sched says so.
package main

// static void nothing(void) {}
import "C"

import (
	"fmt"
	"time"
)

//go:noinline
func callC() { C.nothing() }

func fill(m map[int]int) {
	for {
		callC()
		for i := 0; i < 2000; i++ {
			m[i&1023] = i
		}
	}
}

func main() {
	for i := 0; i < 4; i++ {
		go fill(map[int]int{})
	}
	fmt.Println("READY")
	time.Sleep(time.Hour)
}

package main

import (
	"fmt"
	"runtime"
)

// vast has so many words with pointers that up to Go 1.23 a program says which they are, and no mask.
type vast struct {
	rows [300]struct {
		number int
		cells  [100]*int
		name   string
	}
	last map[int]complex64
}

var vastOnHeap = new(vast)

func fillVast() {
	vastOnHeap.last = filled[int, complex64](number)
	held("main.vastOnHeap.last", next)
	ready := make(chan bool)
	go standOn(ready)
	<-ready
}

// standOn waits for ever with a map in a variable that is as large.
func standOn(ready chan bool) {
	var big vast
	big.fill()
	var trace [64]byte
	var own int
	fmt.Sscanf(string(trace[:runtime.Stack(trace[:], false)]), "goroutine %d ", &own)
	held(fmt.Sprintf("goroutine %d main.standOn.big.last", own), next)
	ready <- true
	<-ready
	big.fill()
}

//go:noinline
func (v *vast) fill() { v.last = filled[int, complex64](number) }

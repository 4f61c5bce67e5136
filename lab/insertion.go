package main

import (
	"runtime"
	"sync/atomic"
)

// site is a place in the source, named as Go's profiles name it.
type site struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// insertion is where the running scenario fills its container. One process
// runs one scenario, so one place is enough.
var insertion atomic.Pointer[site]

// inserting passes v through and marks the statement it stands in as the one
// that fills the container: the truth learns the line from the code itself.
func inserting[T any](v T) T {
	if insertion.Load() == nil {
		rememberInsertion()
	}
	return v
}

//go:noinline
func rememberInsertion() {
	pc := make([]uintptr, 1)
	runtime.Callers(3, pc) // 0 Callers, 1 rememberInsertion, 2 inserting
	frame, _ := runtime.CallersFrames(pc).Next()
	insertion.CompareAndSwap(nil, &site{frame.Function, frame.File, frame.Line})
}

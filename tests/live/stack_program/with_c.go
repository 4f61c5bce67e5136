//go:build cgo

package main

/*
#include <unistd.h>
static void wait_long(void) { for (;;) pause(); }
void goWait(void);
static void call_back(void) { goWait(); }
*/
import "C"

// calledFromC waits in C, and in Go that C has called.
func calledFromC() []func() {
	return []func(){func() { C.wait_long() }, func() { C.call_back() }}
}

//export goWait
func goWait() { recurse(2) }

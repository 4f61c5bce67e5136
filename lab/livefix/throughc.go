//go:build throughc

package main

/*
#include <stdint.h>
void goOn(uintptr_t);
static void through(uintptr_t work) { goOn(work); }
*/
import "C"

import "runtime/cgo"

// throughC works in a function that C calls.
func throughC(work func()) {
	handle := cgo.NewHandle(work)
	defer handle.Delete()
	C.through(C.uintptr_t(handle))
}

//export goOn
func goOn(work C.uintptr_t) { cgo.Handle(work).Value().(func())() }

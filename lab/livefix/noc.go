//go:build !throughc

package main

// throughC only works, in a program without C.
func throughC(work func()) { work() }

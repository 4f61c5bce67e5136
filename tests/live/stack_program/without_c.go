//go:build !cgo

package main

func calledFromC() []func() { return nil }

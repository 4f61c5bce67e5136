//go:build go1.24 && !go1.26 && !goexperiment.swissmap

package mapsize

import "unsafe"

// hmap is runtime.hmap of Go 1.24 and 1.25 with GOEXPERIMENT=noswissmap: one
// word more than before.
type hmap struct {
	count      int
	flags      uint8
	logBuckets uint8 // hmap.B
	noverflow  uint16
	hash0      uint32
	buckets    unsafe.Pointer
	oldbuckets unsafe.Pointer
	nevacuate  uintptr
	clearSeq   uint64
	extra      *mapextra
}

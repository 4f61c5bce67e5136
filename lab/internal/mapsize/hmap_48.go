//go:build !go1.24

package mapsize

import "unsafe"

// hmap is runtime.hmap of Go 1.21 to 1.23.
type hmap struct {
	count      int
	flags      uint8
	logBuckets uint8 // hmap.B
	noverflow  uint16
	hash0      uint32
	buckets    unsafe.Pointer
	oldbuckets unsafe.Pointer
	nevacuate  uintptr
	extra      *mapextra
}

// Package mapsize tells how many bytes a live map really occupies, by reading
// the runtime's own structures inside this process. It is the lab's oracle:
// what the product estimates from outside is compared with these figures, so
// nothing here may be an estimate. Callers hold the map's lock.
package mapsize

import (
	"math"
	"reflect"
	"runtime/metrics"
	"sort"
	"sync"
	"unsafe"
)

const (
	pageBytes         = 8 << 10 // runtime: _PageSize
	maxSmallBytes     = 32 << 10
	mallocHeaderBytes = 8
	// runtime: heapBitsInSpan. Pointerful objects above this carry a header.
	maxHeaderlessBytes = 512
)

// sizeClasses are the allocator's classes, smallest first, asked of the
// running runtime so that no table has to be copied from one Go version.
var sizeClasses = sync.OnceValue(func() []uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs-by-size:bytes"}}
	metrics.Read(sample)
	var classes []uint64
	for _, bound := range sample[0].Value.Float64Histogram().Buckets {
		// Bounds are exclusive upper limits: a class of 16 shows as 17.
		if size := bound - 1; size >= 8 && !math.IsInf(bound, 1) {
			classes = append(classes, uint64(size))
		}
	}
	return classes
})

// Alloc returns the bytes the heap sets aside for one object of this size.
// Pointer-free objects below 16 bytes share a block with others (the tiny
// allocator), so for those alone the answer is an upper bound.
func Alloc(size uintptr, pointers bool) uint64 {
	if size == 0 {
		return 0
	}
	size += headerOf(size, pointers)
	if size > maxSmallBytes {
		return uint64((size + pageBytes - 1) / pageBytes * pageBytes)
	}
	classes := sizeClasses()
	return classes[sort.Search(len(classes), func(i int) bool { return classes[i] >= uint64(size) })]
}

// String returns the bytes that hold the text of s, taken as its own object.
func String(s string) uint64 { return Alloc(uintptr(len(s)), false) }

// Bytes returns the bytes that hold the array under b.
func Bytes(b []byte) uint64 { return Alloc(uintptr(cap(b)), false) }

// New returns the bytes that new(T) takes.
func New[T any]() uint64 {
	t := typeOf[T]()
	return Alloc(t.size, t.ptrBytes != 0)
}

func headerOf(size uintptr, pointers bool) uintptr {
	if !mallocHeaders || !pointers || size <= maxHeaderlessBytes || size > maxSmallBytes-mallocHeaderBytes {
		return 0
	}
	return mallocHeaderBytes
}

// usable is what roundupsize answers: the room left for the caller in the
// object that Alloc describes.
func usable(size uintptr, pointers bool) uintptr {
	return uintptr(Alloc(size, pointers)) - headerOf(size, pointers)
}

// rtype is the beginning of internal/abi.Type, the same since Go 1.5.
type rtype struct {
	size     uintptr
	ptrBytes uintptr // 0: the garbage collector need not look inside
}

func typeOf[T any]() *rtype {
	return rtypeOf(reflect.TypeOf((*T)(nil)).Elem())
}

func rtypeOf(t reflect.Type) *rtype {
	return (*rtype)((*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1])
}

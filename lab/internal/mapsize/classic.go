//go:build !go1.24 || (!go1.26 && !goexperiment.swissmap)

package mapsize

import "unsafe"

const builtinDesign = "classic"

const slotsPerBucket = 8

type mapextra struct {
	overflow     *[]unsafe.Pointer
	oldoverflow  *[]unsafe.Pointer
	nextOverflow unsafe.Pointer
}

const flagSameSizeGrow = 8

// bucketArray is one allocation of buckets: 1<<log of them reached by hash,
// the rest kept in stock as overflow buckets.
type bucketArray struct {
	start unsafe.Pointer
	main  uintptr
	all   uintptr
}

func shapeOf(t mapType, header unsafe.Pointer) shape {
	if header == nil {
		return shape{}
	}
	h := (*hmap)(header)
	s := shape{bytes: New[hmap]()}
	arrays := h.arrays(t)
	for _, a := range arrays {
		s.addBuckets(t, a.all, t.groupArray(a.all))
	}
	if t.groupHasPointers() {
		s.addChainedOverflow(t, arrays)
	}
	if h.extra != nil {
		s.bytes += New[mapextra]()
		s.addListedOverflow(t, arrays, h.extra.overflow)
		s.addListedOverflow(t, arrays, h.extra.oldoverflow)
	}
	return s
}

func (s *shape) addBuckets(t mapType, n uintptr, bytes uint64) {
	s.slots += int(n) * slotsPerBucket
	s.bytes += bytes
}

// arrays lists the bucket array and, while the map is growing, the old one.
func (h *hmap) arrays(t mapType) []bucketArray {
	var arrays []bucketArray
	if h.buckets != nil {
		arrays = append(arrays, newBucketArray(t, h.buckets, h.logBuckets))
	}
	if h.oldbuckets != nil {
		old := h.logBuckets
		if h.flags&flagSameSizeGrow == 0 {
			old--
		}
		arrays = append(arrays, newBucketArray(t, h.oldbuckets, old))
	}
	return arrays
}

func newBucketArray(t mapType, start unsafe.Pointer, log uint8) bucketArray {
	return bucketArray{start, 1 << log, bucketsFor(t, log)}
}

// bucketsFor follows runtime.makeBucketArray: from 16 buckets on, one in
// sixteen more is put in stock, and the size class is used to its end.
func bucketsFor(t mapType, log uint8) uintptr {
	n := uintptr(1) << log
	if log < 4 {
		return n
	}
	n += 1 << (log - 4)
	return usable(n*t.group.size, t.groupHasPointers()) / t.group.size
}

// addChainedOverflow follows the chains of maps with pointers: overflow
// buckets hang from bucket to bucket and nothing else refers to them.
func (s *shape) addChainedOverflow(t mapType, arrays []bucketArray) {
	for _, a := range arrays {
		for i := uintptr(0); i < a.main; i++ {
			b := overflowOf(t, unsafe.Add(a.start, i*t.group.size))
			for ; b != nil; b = overflowOf(t, b) {
				s.addOverflow(t, arrays, b)
			}
		}
	}
}

// addListedOverflow takes the lists that keep overflow buckets of
// pointer-free maps alive: there the chain's links are no pointers to the GC.
func (s *shape) addListedOverflow(t mapType, arrays []bucketArray, list *[]unsafe.Pointer) {
	if list == nil {
		return
	}
	s.bytes += New[[]unsafe.Pointer]()
	s.bytes += Alloc(uintptr(cap(*list))*unsafe.Sizeof(uintptr(0)), true)
	for _, b := range *list {
		s.addOverflow(t, arrays, b)
	}
}

// addOverflow counts a bucket unless it came from an array's stock.
func (s *shape) addOverflow(t mapType, arrays []bucketArray, b unsafe.Pointer) {
	for _, a := range arrays {
		if uintptr(b)-uintptr(a.start) < a.all*t.group.size {
			return
		}
	}
	s.addBuckets(t, 1, t.groupArray(1))
}

// overflowOf reads the link in the last word of a bucket.
func overflowOf(t mapType, b unsafe.Pointer) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(b, t.group.size-unsafe.Sizeof(uintptr(0))))
}

// rebuiltShapeBytes follows runtime.makemap(hint = entries).
func rebuiltShapeBytes(t mapType, entries int) uint64 {
	total := New[hmap]()
	if entries == 0 {
		return total
	}
	log := uint8(0)
	for entries > slotsPerBucket && uintptr(entries) > loadFactorNum*((uintptr(1)<<log)/2) {
		log++
	}
	all := bucketsFor(t, log)
	if all != 1<<log {
		total += New[mapextra]()
	}
	return total + t.groupArray(all)
}

package mapsize

import (
	"reflect"
	"unsafe"
)

// Measure is what one container occupies, by the words of docs/concepts/the-house.md, "Bytes of
// a map".
type Measure struct {
	Design       string `json:"design"`
	Entries      int    `json:"entries"`
	Capacity     *int   `json:"capacity"` // slots allocated; nil where the design has none
	ShallowBytes uint64 `json:"shallow_bytes"`
	DeadBytes    uint64 `json:"dead_bytes"`
}

// Keys and elements larger than this live in objects of their own, with a
// pointer in the slot (internal/abi: MapMaxKeyBytes, OldMapMaxElemBytes).
const maxInlineBytes = 128

// mapType is what this package needs to know of a map's type descriptor.
type mapType struct {
	key, elem *rtype
	group     *rtype // one bucket (classic) or one group of 8 slots (Swiss)
}

// Map measures a built-in map of any type.
func Map[M ~map[K]V, K comparable, V any](m M) Measure {
	t := mapTypeOf(reflect.TypeOf(m))
	shape := shapeOf(t, *(*unsafe.Pointer)(unsafe.Pointer(&m)))
	own := shape.bytes + t.indirectBytes(len(m))
	capacity := shape.slots
	return Measure{
		Design:       builtinDesign,
		Entries:      len(m),
		Capacity:     &capacity,
		ShallowBytes: own,
		DeadBytes:    excess(own, rebuiltBytes(t, len(m))),
	}
}

// Rebuilt returns the shallow bytes of a fresh make(map[K]V, entries) once it
// holds its first entry: the yardstick for dead bytes.
func Rebuilt[M ~map[K]V, K comparable, V any](entries int) uint64 {
	return rebuiltBytes(mapTypeOf(reflect.TypeOf(M(nil))), entries)
}

// Slice measures a slice as if it were a container of len entries.
func Slice[T any](s []T) Measure {
	elem := typeOf[T]()
	array := func(n int) uint64 { return Alloc(uintptr(n)*elem.size, elem.ptrBytes != 0) }
	capacity := cap(s)
	return Measure{
		Entries:      len(s),
		Capacity:     &capacity,
		ShallowBytes: array(cap(s)),
		DeadBytes:    excess(array(cap(s)), array(len(s))),
	}
}

// shape is the part of a map that depends on its design.
type shape struct {
	slots int
	bytes uint64 // header, directory, tables, arrays, overflow; not indirect keys and elements
}

func rebuiltBytes(t mapType, entries int) uint64 {
	return rebuiltShapeBytes(t, entries) + t.indirectBytes(entries)
}

func mapTypeOf(t reflect.Type) mapType {
	// abi.OldMapType, abi.SwissMapType and abi.MapType agree up to here:
	// Type (48 bytes), Key, Elem, Bucket or Group.
	descriptor := (*struct {
		_                [48]byte
		key, elem, group *rtype
	})(unsafe.Pointer(rtypeOf(t)))
	return mapType{descriptor.key, descriptor.elem, descriptor.group}
}

func (t mapType) groupHasPointers() bool { return t.group.ptrBytes != 0 }

func (t mapType) groupArray(n uintptr) uint64 {
	return Alloc(n*t.group.size, t.groupHasPointers())
}

// indirectBytes counts the objects of keys and elements too large for a slot.
// Both designs let go of them on delete, so live entries are all there are.
func (t mapType) indirectBytes(entries int) uint64 {
	var each uint64
	for _, part := range []*rtype{t.key, t.elem} {
		if part.size > maxInlineBytes {
			each += Alloc(part.size, part.ptrBytes != 0)
		}
	}
	return each * uint64(entries)
}

// excess is a - b, or 0 where a map grown by inserts came out smaller than
// the make that the rule prescribes.
func excess(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

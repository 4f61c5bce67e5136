//go:build go1.26 || (go1.24 && goexperiment.swissmap)

package mapsize

import "unsafe"

const builtinDesign = "swiss"

const (
	slotsPerGroup    = 8
	maxAvgGroupLoad  = 7
	maxTableCapacity = 1024
)

// swissMap is internal/runtime/maps.Map. Byte 35 (tombstonePossible) came
// with 1.25 and fell into padding.
type swissMap struct {
	used        uint64
	seed        uintptr
	dirPtr      unsafe.Pointer // directory of tables, or the one group of a small map
	dirLen      int            // 0: small map
	globalDepth uint8
	globalShift uint8
	writing     uint8
	clearSeq    uint64
}

// table is internal/runtime/maps.table.
type table struct {
	used       uint16
	capacity   uint16
	growthLeft uint16
	localDepth uint8
	index      int
	groups     unsafe.Pointer
	lengthMask uint64
}

func shapeOf(t mapType, header unsafe.Pointer) shape {
	if header == nil {
		return shape{}
	}
	m := (*swissMap)(header)
	s := shape{bytes: New[swissMap]()}
	if m.dirPtr == nil {
		return s
	}
	if m.dirLen == 0 {
		s.slots += slotsPerGroup
		s.bytes += t.groupArray(1)
		return s
	}
	s.addTables(t, unsafe.Slice((**table)(m.dirPtr), m.dirLen))
	return s
}

func (s *shape) addTables(t mapType, directory []*table) {
	s.bytes += directoryBytes(len(directory))
	var previous *table
	for _, tab := range directory {
		// A table not yet split fills neighbouring places of the directory.
		if tab == previous {
			continue
		}
		previous = tab
		s.slots += int(tab.capacity)
		s.bytes += tableBytes(t, uintptr(tab.capacity))
	}
}

func directoryBytes(tables int) uint64 {
	return Alloc(uintptr(tables)*unsafe.Sizeof(uintptr(0)), true)
}

func tableBytes(t mapType, capacity uintptr) uint64 {
	return New[table]() + t.groupArray(capacity/slotsPerGroup)
}

// rebuiltShapeBytes follows internal/runtime/maps.NewMap(hint = entries).
func rebuiltShapeBytes(t mapType, entries int) uint64 {
	total := New[swissMap]()
	if entries == 0 {
		return total
	}
	if entries <= slotsPerGroup {
		return total + t.groupArray(1)
	}
	target := uintptr(entries) * slotsPerGroup / maxAvgGroupLoad
	tables := powerOfTwo((target + maxTableCapacity - 1) / maxTableCapacity)
	capacity := powerOfTwo(max(target/tables, slotsPerGroup))
	return total + directoryBytes(int(tables)) + uint64(tables)*tableBytes(t, capacity)
}

func powerOfTwo(n uintptr) uintptr {
	p := uintptr(1)
	for p < n {
		p *= 2
	}
	return p
}

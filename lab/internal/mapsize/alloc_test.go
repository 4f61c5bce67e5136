package mapsize

import (
	"fmt"
	"runtime"
	"testing"
)

var sink any

func TestAllocIsWhatTheHeapSetsAside(t *testing.T) {
	// From 16 bytes on: smaller pointer-free objects share blocks.
	for _, n := range []int{16, 17, 24, 48, 100, 512, 513, 520, 1000, 1024, 2048, 8192, 9473, 18432,
		20481, 24577, 32752, 32760, 32761, 32768, 32769, 40960, 40961, 100_000, 1 << 20} {
		exactly(t, fmt.Sprintf("make([]byte, %d)", n), func() (uint64, uint64) {
			before := allocatedBytes()
			sink = make([]byte, n)
			after := allocatedBytes()
			return after - before - New[[]byte](), Alloc(uintptr(n), false)
		})
		words := n / 8
		exactly(t, fmt.Sprintf("make([]*int, %d)", words), func() (uint64, uint64) {
			before := allocatedBytes()
			sink = make([]*int, words)
			after := allocatedBytes()
			return after - before - New[[]*int](), Alloc(uintptr(8*words), true)
		})
	}
}

func TestSizeClassesAreTheRuntimes(t *testing.T) {
	classes := sizeClasses()
	if first, last := classes[0], classes[len(classes)-1]; first != 8 || last != maxSmallBytes {
		t.Fatalf("classes from %d to %d, want 8 to %d", first, last, maxSmallBytes)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for i, class := range m.BySize[1:] {
		if uint64(class.Size) != classes[i] {
			t.Errorf("class %d is %d, MemStats says %d", i+1, classes[i], class.Size)
		}
	}
}

func TestSliceIsItsArray(t *testing.T) {
	for _, n := range []int{1, 100, 1000, 50_000} {
		keepsAlive(t, fmt.Sprintf("slice of %d", n), func() []*int {
			var s []*int
			for i := 0; i < n; i++ {
				s = append(s, nil)
			}
			return s
		}, Slice[*int])
	}
}

package mapsize

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
)

// The collector must not run on its own while bytes are counted.
func TestMain(m *testing.M) {
	debug.SetGCPercent(-1)
	sizeClasses()
	os.Exit(m.Run())
}

// liveBytes is the heap after everything dead is gone. Two cycles: what the
// first finds dead through a finalizer or a pool only the second one frees.
func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func allocatedBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// exactly repeats an experiment until measured and computed bytes agree to the
// byte. The runtime itself allocates now and then (a worker, a timer), so one
// try in many is off; a wrong rule is off every time.
func exactly(t *testing.T, what string, experiment func() (measured, computed uint64)) {
	t.Helper()
	var off []int64
	for len(off) < 12 {
		measured, computed := experiment()
		if measured == computed {
			return
		}
		off = append(off, int64(computed-measured))
	}
	t.Errorf("%s: mapsize is off from what the heap says by %d bytes", what, off)
}

// keepsAlive compares what build leaves on the heap with its Measure.
func keepsAlive[C any](t *testing.T, what string, build func() C, measure func(C) Measure) {
	t.Helper()
	exactly(t, what, func() (uint64, uint64) {
		before := liveBytes()
		container := build()
		after := liveBytes()
		computed := measure(container).ShallowBytes
		runtime.KeepAlive(container)
		return after - before, computed
	})
}

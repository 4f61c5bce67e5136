package agent

import (
	"runtime"
	"time"
)

// bellPatience bounds the wait for a bell after a forced garbage collection.
// Finalizers run one after another, and the service may have slow ones.
const bellPatience = time.Second

// bell is a sentinel: a set of detached entries holds it, and the garbage
// collector rings it when the set is dead. A finalizer does that on every Go
// version. It cannot hang on the map itself: the runtime ends the process when
// it is given a map that does not lie on the heap.
type bell struct{ rung chan struct{} }

// newBell returns a bell and the channel that is closed when it is collected.
func newBell() (*bell, <-chan struct{}) {
	b := &bell{rung: make(chan struct{})}
	runtime.SetFinalizer(b, func(b *bell) { close(b.rung) })
	return b, b.rung
}

// mortal is embedded in every set of detached entries.
type mortal struct{ bell *bell }

func (m *mortal) hang(b *bell) { m.bell = b }

// rings waits for a bell, but not for ever.
func rings(rung <-chan struct{}, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-rung:
		return true
	case <-timer.C:
		return false
	}
}

func hasRung(rung <-chan struct{}) bool {
	select {
	case <-rung:
		return true
	default:
		return false
	}
}

package agent

import (
	"errors"
	"reflect"
	"time"
)

// The kinds of container the agent knows.
const (
	kindMap     = "map"
	kindSyncMap = "sync.Map"
)

var (
	errNilMap  = errors.New("the map is nil: there is nothing to take out")
	errTooSlow = errors.New("counting the entries took longer than its bound")
)

// target is a registered container, whatever its key and value types.
type target interface {
	kind() string
	types() types
	// look counts the entries without ever queueing for the lock if it can be tried.
	look(patience time.Duration) (view, error)
	// measure counts the entries the way an operation would go in.
	measure(patience time.Duration) (view, lockTimes, error)
	// detach takes every entry out.
	detach(patience time.Duration) (detached, lockTimes, error)
}

// types are the Go types of a target.
type types struct{ container, key, value reflect.Type }

// view is what one look into a container showed.
type view struct {
	entries int
	isNil   bool
}

// detached is a set of entries taken out of a target. It is not safe for
// concurrent use: the operation that owns it keeps calls apart.
type detached interface {
	len() int
	// walk returns a function that yields each entry once and then false. The
	// two values are overwritten by the next call.
	walk() func() (key, value reflect.Value, ok bool)
	// restore gives the entries back. After an error it can be called again
	// and goes on where it stopped.
	restore(until time.Time) (merge, error)
}

// merge is what a restore has done so far, all calls together.
type merge struct {
	merged, keptNewer int
	longestHold       time.Duration
}

func (m *merge) held(hold time.Duration) {
	if hold > m.longestHold {
		m.longestHold = hold
	}
}

package agent

import (
	"errors"
	"reflect"
	"sync/atomic"
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

// task is what an operation is to do with a target.
type task struct {
	strategy string
	where    conditions    // of evict, as they were given
	matcher  *matcher      // of evict; nil fits every entry
	maxHold  time.Duration // of clear and shrink: the longest hold of the lock
	stop     *atomic.Bool  // set when a walk is to end early; nil never is
}

// stopped says whether somebody wants the walk to end before it is through.
func (t task) stopped() bool { return t.stop != nil && t.stop.Load() }

// fits says whether an entry is one to take out.
func (t task) fits(key, value reflect.Value) bool {
	return t.matcher == nil || t.matcher.fits(key, value)
}

// taken is what a target handed over, and how.
type taken struct {
	entries detached
	times   lockTimes // the first wait and the longest hold
	scanned int       // entries looked at one by one
	kept    int       // entries a shrink carried over
	skipped int       // entries that cannot be taken out one by one
	partial error     // why the work ended before it was done
}

// matches is what a dry run of conditions found.
type matches struct {
	scanned, matched int
	times            lockTimes
	took             time.Duration
	partial          error
}

// target is a registered container, whatever its key and value types.
type target interface {
	kind() string
	types() types
	// look counts the entries without ever queueing for the lock if it can be tried.
	look(patience time.Duration) (view, error)
	// measure counts the entries and says how long the lock took to get, without
	// queueing for it if it can be tried.
	measure(patience time.Duration) (view, lockTimes, error)
	// detach takes out what the task says. Entries it has taken out are always
	// handed over: an error means that the target is as it was.
	detach(t task, patience time.Duration) (taken, error)
	// inbox is an empty set of entries for this target, to be filled and restored.
	inbox() inbox
	// count tells how many entries the conditions of a task fit. It changes nothing.
	count(t task) (matches, error)
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
	// hang gives the set a bell that it holds as long as it lives.
	hang(*bell)
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

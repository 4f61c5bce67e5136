package agent

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// RegisterMap makes a map known to the default registry under a name.
//
// It is a promise about the lock: every read and every write of *m, and of the
// variable m points to, happens while mu is held. Any of sync.Mutex,
// sync.RWMutex (pass the RWMutex, not its RLocker) or a Locker of your own will do.
//
// It returns ErrName, ErrDuplicate, ErrNil or ErrReadLock, and changes nothing then.
func RegisterMap[K comparable, V any, M ~map[K]V](name string, m *M, mu sync.Locker) error {
	return registerMap[K, V](defaultRegistry, name, m, mu)
}

// RegisterMapIn is RegisterMap for a registry of your own.
func RegisterMapIn[K comparable, V any, M ~map[K]V](r *Registry, name string, m *M, mu sync.Locker) error {
	return registerMap[K, V](r, name, m, mu)
}

func registerMap[K comparable, V any, M ~map[K]V](r *Registry, name string, m *M, mu sync.Locker) error {
	if r == nil || m == nil || isNil(mu) {
		return ErrNil
	}
	if reflect.TypeOf(mu) == readSide {
		return ErrReadLock
	}
	t := newMapTarget(reflect.ValueOf(m).Elem(), mu)
	t.pour = pourTyped[K, V, M]
	return r.add(name, t, 2)
}

// readSide is the type behind RWMutex.RLocker: a map must not be swapped under it.
var readSide = reflect.TypeOf(new(sync.RWMutex).RLocker())

func isNil(mu sync.Locker) bool {
	if mu == nil {
		return true
	}
	v := reflect.ValueOf(mu)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// mapTarget is a plain map behind a lock. It is reached by reflection, so that
// a map found in a struct and one registered by its type are the same to it.
type mapTarget struct {
	at   reflect.Value // the service's variable: addressable, of a map type
	pour pour
	*guard
}

func newMapTarget(at reflect.Value, mu sync.Locker) *mapTarget {
	return &mapTarget{at: at, pour: pourAny, guard: newGuard(mu)}
}

func (t *mapTarget) kind() string { return kindMap }

func (t *mapTarget) types() types {
	container := t.at.Type()
	return types{container, container.Key(), container.Elem()}
}

func (t *mapTarget) inbox() inbox { return newHeld(t) }

func (t *mapTarget) look(patience time.Duration) (seen view, err error) {
	err = t.peek(t.reading(), patience, func() { seen = t.see() })
	return seen, err
}

func (t *mapTarget) measure(patience time.Duration) (seen view, times lockTimes, err error) {
	write, asked := t.writing(), time.Now()
	if write.try == nil {
		times, err = t.do(write, patience, func() { seen = t.see() })
		return seen, times, err
	}
	look := func() { seen, times.wait = t.see(), time.Since(asked) }
	// Only tried, not queued for: behind a queued writer of a RWMutex new readers
	// wait, for as long as one reader stays, and a plan changes nothing for anybody.
	if err = t.peek(write, min64(politeFor, patience), look); errors.Is(err, errLockTimeout) {
		err = t.peek(t.reading(), patience-time.Since(asked), look)
	}
	return seen, times, err
}

// see must be called with the lock held.
func (t *mapTarget) see() view {
	return view{entries: t.at.Len(), isNil: t.at.IsNil()}
}

// now returns the map that the variable holds at this moment, as a value of
// its own. It must be called with the lock held.
func (t *mapTarget) now() reflect.Value { return reflect.ValueOf(t.at.Interface()) }

func (t *mapTarget) detach(what task, patience time.Duration) (taken, error) {
	var out taken
	var err error
	switch what.strategy {
	case strategyShrink:
		out, err = t.shrink(what, patience)
	case strategyClear:
		out, err = t.clear(what, patience)
	case strategyDelete, strategyEvict:
		out, err = t.take(what)
	default:
		out, err = t.swap(patience)
	}
	if err != nil {
		return taken{}, fmt.Errorf("detach: %w", err)
	}
	return out, nil
}

func (t *mapTarget) swap(patience time.Duration) (taken, error) {
	fresh := reflect.MakeMap(t.at.Type()) // before the lock: the hold is two pointer moves
	var old reflect.Value
	swapped := false
	times, err := t.do(t.writing(), patience, func() {
		if !t.at.IsNil() {
			old = t.now()
			t.at.Set(fresh)
			swapped = true
		}
	})
	if swapped { // also when Unlock panicked afterwards: these entries are ours now
		return taken{entries: &detachedMap{giveBack: giveBack{to: t}, entries: old, size: old.Len()}, times: times}, nil
	}
	if err == nil {
		err = errNilMap
	}
	return taken{}, err
}

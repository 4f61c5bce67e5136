package agent

import (
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
	return r.add(name, &mapTarget[K, V, M]{at: m, guard: newGuard(mu)}, 2)
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

// mapTarget is a plain map behind a lock.
type mapTarget[K comparable, V any, M ~map[K]V] struct {
	at *M
	*guard
}

func (t *mapTarget[K, V, M]) kind() string { return kindMap }

func (t *mapTarget[K, V, M]) types() types {
	container := reflect.TypeOf(t.at).Elem()
	return types{container, container.Key(), container.Elem()}
}

func (t *mapTarget[K, V, M]) look(patience time.Duration) (seen view, err error) {
	err = t.peek(t.reading(), patience, func() { seen = t.see() })
	return seen, err
}

func (t *mapTarget[K, V, M]) measure(patience time.Duration) (seen view, times lockTimes, err error) {
	times, err = t.do(t.writing(), patience, func() { seen = t.see() })
	return seen, times, err
}

// see must be called with the lock held.
func (t *mapTarget[K, V, M]) see() view {
	return view{entries: len(*t.at), isNil: *t.at == nil}
}

func (t *mapTarget[K, V, M]) detach(patience time.Duration) (detached, lockTimes, error) {
	fresh := make(M) // before the lock: the hold is two pointer moves
	var old M
	swapped := false
	times, err := t.do(t.writing(), patience, func() {
		if *t.at != nil {
			old, *t.at, swapped = *t.at, fresh, true
		}
	})
	if swapped { // also when Unlock panicked afterwards: these entries are ours now
		return &detachedMap[K, V, M]{from: t, entries: old, size: len(old)}, times, nil
	}
	if err == nil {
		err = errNilMap
	}
	return nil, times, fmt.Errorf("detach: %w", err)
}

package agent

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// ErrFields says why the maps of a struct could not be registered.
var ErrFields = errors.New("agent: the fields of the struct")

// RegisterFields makes the maps of a struct known to the default registry; see
// [Registry.RegisterFields].
func RegisterFields(ptr any) error { return defaultRegistry.registerFields(ptr) }

// RegisterFields finds the map and sync.Map fields of the struct that ptr
// points to, unexported ones too, and registers each as "package.Type.field".
//
// A map needs a lock beside it: the only sync.Mutex or sync.RWMutex (or pointer
// to one) among the fields of the same struct. The tag `mapmedic:"mu"` on the
// map names another field, which may be any sync.Locker; `mapmedic:"-"` leaves
// the map out. The promise of [RegisterMap] about the lock is the same.
//
// It returns ErrFields, ErrName, ErrDuplicate or ErrNil, and registers nothing then.
func (r *Registry) RegisterFields(ptr any) error { return r.registerFields(ptr) }

func (r *Registry) registerFields(ptr any) error {
	v := reflect.ValueOf(ptr)
	if r == nil || !v.IsValid() || (v.Kind() == reflect.Pointer && v.IsNil()) {
		return ErrNil
	}
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("%w: pass a pointer to a struct, not a %s", ErrFields, v.Type())
	}
	found, err := fieldTargets(v.Elem())
	if err != nil {
		return err
	}
	return r.addAll(found, 2)
}

// named is a target on its way into a registry.
type named struct {
	name   string
	target target
}

func fieldTargets(of reflect.Value) ([]named, error) {
	var found []named
	for i := 0; i < of.NumField(); i++ {
		field := of.Type().Field(i)
		if field.Tag.Get("mapmedic") == "-" {
			continue
		}
		t, err := fieldTarget(of, i)
		if err != nil {
			return nil, fmt.Errorf("%w: %s.%s %w", ErrFields, of.Type(), field.Name, err)
		}
		if t != nil {
			found = append(found, named{of.Type().String() + "." + field.Name, t})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s has no map among them", ErrFields, of.Type())
	}
	return found, nil
}

// fieldTarget is the target for one field, or nil when it is no map.
func fieldTarget(of reflect.Value, i int) (target, error) {
	field := reachable(of.Field(i))
	switch m := field.Addr().Interface().(type) {
	case *sync.Map:
		return &syncTarget{m}, nil
	case **sync.Map:
		if *m == nil {
			return nil, errors.New("is a nil *sync.Map")
		}
		return &syncTarget{*m}, nil
	}
	if field.Kind() != reflect.Map {
		return nil, nil
	}
	mu, err := lockFor(of, of.Type().Field(i).Tag.Get("mapmedic"))
	if err != nil {
		return nil, err
	}
	return newMapTarget(field, mu), nil
}

// lockFor is the lock that a tag names or, without one, the only one there is.
func lockFor(of reflect.Value, tag string) (sync.Locker, error) {
	if tag != "" {
		return lockNamed(of, tag)
	}
	var names []string
	var only sync.Locker
	for i := 0; i < of.NumField(); i++ {
		if mu := mutexIn(reachable(of.Field(i))); mu != nil {
			only, names = mu, append(names, of.Type().Field(i).Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, errors.New(`has no sync.Mutex or sync.RWMutex beside it; name another lock with a tag, mapmedic:"field", or use RegisterMap`)
	case 1:
		return only, nil
	}
	return nil, fmt.Errorf(`has several locks beside it (%s); choose one with a tag, mapmedic:"field"`, strings.Join(names, ", "))
}

// mutexIn is the mutex that a field is or points to, or nil.
func mutexIn(field reflect.Value) sync.Locker {
	switch mu := field.Addr().Interface().(type) {
	case *sync.Mutex:
		return mu
	case *sync.RWMutex:
		return mu
	case **sync.Mutex:
		if *mu != nil {
			return *mu
		}
	case **sync.RWMutex:
		if *mu != nil {
			return *mu
		}
	}
	return nil
}

func lockNamed(of reflect.Value, name string) (sync.Locker, error) {
	at, known := of.Type().FieldByName(name)
	if !known || len(at.Index) != 1 {
		return nil, fmt.Errorf("names the lock %q, which is not a field of the struct", name)
	}
	field := reachable(of.Field(at.Index[0]))
	mu := mutexIn(field)
	if mu == nil {
		mu, _ = field.Addr().Interface().(sync.Locker)
	}
	if mu == nil {
		mu, _ = field.Interface().(sync.Locker)
	}
	switch {
	case mu == nil || isNil(mu):
		return nil, fmt.Errorf("names the lock %q, a %s, which is not a lock or is nil", name, field.Type())
	case reflect.TypeOf(mu) == readSide:
		return nil, ErrReadLock
	}
	return mu, nil
}

// reachable lifts what reflection forbids for an unexported field. It is sound:
// the value that comes out has the field's own type and the field's own
// address, inside a struct that the caller handed over by pointer, which the
// address keeps alive. All that is lost is the rule that other packages do not
// touch the field, and asking them to is what a call of RegisterFields is.
func reachable(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}

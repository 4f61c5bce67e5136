package agent

import (
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"
)

var (
	timeType    = reflect.TypeOf(time.Time{})
	addrType    = reflect.TypeOf(netip.Addr{})
	mutexType   = reflect.TypeOf(sync.Mutex{})
	rwMutexType = reflect.TypeOf(sync.RWMutex{})
)

// opaque says why values of a type cannot be carried at all, or "".
func opaque(t reflect.Type) string {
	if t.Size() == 0 || isLock(t) || isAtomicNumber(t) {
		return ""
	}
	switch t.Kind() {
	case reflect.Func:
		return "a func is code, not data; null is written"
	case reflect.Chan:
		return "a channel lives in this process only; null is written"
	case reflect.UnsafePointer:
		return "an unsafe.Pointer may point to anything; null is written"
	case reflect.Map:
		return "a map inside an entry is not read, because Go ends the process when a map is read while it is written; null is written"
	case reflect.Interface:
		return ""
	}
	switch t.PkgPath() {
	case "sync", "sync/atomic", "internal/sync":
		return "its state is bound to its address; null is written"
	case "internal/poll":
		return "a file or connection belongs to the operating system; null is written"
	case "unique", "internal/intern", "weak":
		return "it is compared by the address it holds, and a copy has another; null is written"
	}
	return ""
}

// pointerLoss says why a pointer of a type cannot be carried, or "".
func (r *roundTrip) pointerLoss(t reflect.Type) string {
	switch {
	case r.inKey:
		return "a pointer in a key is an identity, and what is restored is another pointer"
	case isLock(t.Elem()):
		return "a pointer to a lock is shared with others, and a copy excludes nobody"
	case strings.HasPrefix(t.Elem().Name(), "_Ctype_"):
		return "it points to memory of C, whose extent nobody knows"
	}
	return ""
}

func isLock(t reflect.Type) bool { return t == mutexType || t == rwMutexType }

// isTime is true for time.Time and for types made of it, likewise isAddr.
func isTime(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) }

func isAddr(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.ConvertibleTo(addrType) }

// isAtomicNumber is true for atomic.Int64, atomic.Bool and the like.
func isAtomicNumber(t reflect.Type) bool {
	if t.PkgPath() != "sync/atomic" || t.Kind() != reflect.Struct {
		return false
	}
	v, known := t.FieldByName("v")
	return known && v.Type.Kind() >= reflect.Int && v.Type.Kind() <= reflect.Uintptr
}

// hidesNil is true for pointers that would look nil when they lead to nil.
func hidesNil(t reflect.Type) bool {
	switch t.Elem().Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return false
}

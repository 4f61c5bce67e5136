package agent

import (
	"net/netip"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"
)

// special writes the types that have a form of their own.
func (e *encoder) special(v reflect.Value) bool {
	switch t := v.Type(); {
	case isLock(t):
		e.text("null")
	case isTime(t):
		e.time(*(*time.Time)(v.Addr().UnsafePointer()))
	case isAddr(t):
		e.addr(*(*netip.Addr)(v.Addr().UnsafePointer()))
	case isAtomicNumber(t):
		e.byKind(loadAtomic(reachable(v.FieldByName("v"))))
	default:
		return false
	}
	return true
}

// dynamic writes an interface as {"type":name,"value":...}, or null when empty.
func (e *encoder) dynamic(v reflect.Value) {
	if v.IsNil() {
		e.text("null")
		return
	}
	t := v.Elem().Type()
	met := knownTypes.meet(t)
	if why := met.lossIn(e.inKey); why != "" && !e.lossy {
		panic(giveUp(why))
	}
	if t.Size() > maxFrame {
		panic(overFrame) // before it is copied
	}
	e.text(`{"type":`)
	e.str(met.name)
	e.text(`,"value":`)
	copied := reflect.New(t).Elem() // what is behind an interface has no address
	copied.Set(v.Elem())
	e.path = append(e.path, v.Type())
	e.value(copied)
	e.path = e.path[:len(e.path)-1]
	e.text("}")
}

// time writes RFC 3339, which cannot say every time without changing it.
func (e *encoder) time(t time.Time) {
	_, offset := t.Zone()
	if offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 || t.Year() < 0 || t.Year() > 9999 {
		panic(giveUp("a time that RFC 3339 cannot say"))
	}
	if e.inKey && !e.lossy && t != t.UTC().Round(0) { // compared as a key compares it
		panic(giveUp("a time in a key that is not plain UTC: keys compare the zone and the monotonic reading too"))
	}
	e.text(`"`)
	e.grown(t.AppendFormat(e.buf, time.RFC3339Nano))
	e.text(`"`)
}

// addr writes an IP address; the empty string is the zero Addr.
func (e *encoder) addr(a netip.Addr) {
	if !a.IsValid() {
		e.text(`""`)
		return
	}
	if again, err := netip.ParseAddr(a.String()); err != nil || again != a {
		panic(giveUp("an address whose text is another address"))
	}
	e.str(a.String())
}

// loadAtomic reads the number in an atomic the way its owner does.
func loadAtomic(number reflect.Value) reflect.Value {
	at, out := number.Addr().UnsafePointer(), reflect.New(number.Type()).Elem()
	if to := out.Addr().UnsafePointer(); number.Type().Size() == 4 {
		*(*uint32)(to) = atomic.LoadUint32((*uint32)(at))
	} else {
		*(*uint64)(to) = atomic.LoadUint64((*uint64)(at))
	}
	return out
}

// readTime gets at a time.Time also inside an unexported field, where
// reflection hands out numbers but no whole structs.
func readTime(v reflect.Value) (time.Time, bool) {
	if v.CanInterface() {
		t, ok := v.Interface().(time.Time)
		return t, ok
	}
	if v.CanAddr() {
		return *(*time.Time)(unsafe.Pointer(v.UnsafeAddr())), true
	}
	return time.Time{}, false
}

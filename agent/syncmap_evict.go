package agent

import (
	"reflect"
	"runtime/debug"
	"time"
)

// evict takes out the entries of a sync.Map that fit. There is no lock to keep
// the service from changing a value between the look and the removal, so an
// entry goes only if it still holds the value that was looked at.
func (t *syncTarget) evict(what task, d *detachedSync) taken {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // see scan.some
	var p syncPair
	out := taken{entries: d}
	key, value := reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&p.value).Elem()
	until := time.Now().Add(takePatience)
	t.m.Range(func(k, v any) bool {
		out.scanned++
		p = syncPair{k, v}
		if what.fits(key, value) {
			t.moveIfStill(p, what, d)
		}
		if out.scanned%1024 == 0 && time.Now().After(until) {
			out.partial = errScanLimit
		}
		if out.scanned%1024 == 0 && what.stopped() {
			out.partial = errStopped
		}
		return out.partial == nil
	})
	t.promote()
	return out
}

// moveIfStill moves an entry into the side store unless its value has changed.
func (t *syncTarget) moveIfStill(p syncPair, what task, d *detachedSync) {
	if p.value == nil || reflect.ValueOf(p.value).Comparable() {
		if t.m.CompareAndDelete(p.key, p.value) {
			d.add(p.key, p.value)
		}
		return
	}
	// A value that cannot be compared is taken out, looked at again and put
	// back if it is another one that does not fit: for that moment it is missed.
	value, mine := t.m.LoadAndDelete(p.key)
	if !mine {
		return
	}
	if what.fits(reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&value).Elem()) {
		d.add(p.key, value)
		return
	}
	t.m.LoadOrStore(p.key, value)
}

func (t *syncTarget) count(what task) (matches, error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // see scan.some
	var p syncPair
	var found matches
	key, value := reflect.ValueOf(&p.key).Elem(), reflect.ValueOf(&p.value).Elem()
	started := time.Now()
	t.m.Range(func(k, v any) bool {
		found.scanned++
		p = syncPair{k, v}
		if what.fits(key, value) {
			found.matched++
		}
		if found.scanned%1024 == 0 && time.Since(started) > countPatience {
			found.partial = errScanLimit
		}
		return found.partial == nil
	})
	found.took = time.Since(started)
	return found, nil
}

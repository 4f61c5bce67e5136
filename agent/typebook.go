package agent

import (
	"reflect"
	"strconv"
	"sync"
	"time"
)

const (
	// maxKnownTypes bounds the concrete types that are remembered, maxTypeName their names.
	maxKnownTypes = 256
	maxTypeName   = 1024
)

// typeBook remembers the concrete types that were written from behind
// interfaces, so that their names can be turned back into types: Go itself
// cannot. It lives as long as the process, and so does what it knows.
type typeBook struct {
	mu      sync.Mutex
	byName  map[string]reflect.Type
	known   map[reflect.Type]acquaintance
	inherit int // types that were known from the start
}

// acquaintance is a concrete type: its name in a stream, and what it would lose.
type acquaintance struct{ name, loss, keyLoss string }

var knownTypes = newTypeBook()

func newTypeBook() *typeBook {
	b := &typeBook{byName: map[string]reflect.Type{}, known: map[reflect.Type]acquaintance{}, inherit: 1}
	for _, v := range []any{false, "", 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0),
		uintptr(0), float32(0), 0.0, complex64(0), 0i, []byte{}, []string{}, []any{}, time.Time{}, time.Duration(0)} {
		b.meet(reflect.TypeOf(v))
	}
	b.inherit = len(b.known)
	return b
}

// meet returns what is known of a type and remembers it.
func (b *typeBook) meet(t reflect.Type) acquaintance {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, known := b.known[t]; known {
		return a
	}
	if len(b.known) >= b.inherit+maxKnownTypes {
		const full = "more than 256 types behind interfaces were met in this process"
		return acquaintance{fullName(t), full, full}
	}
	a := acquaintance{fullName(t), firstLoss(t, false), firstLoss(t, true)}
	if why := b.unnamable(a.name); why != "" {
		a.loss = sentence("behind an interface", t, why)
		a.name, a.keyLoss = clip(a.name, maxTypeName), a.loss
	} else {
		b.byName[a.name] = t
	}
	b.known[t] = a
	return a
}

func (b *typeBook) unnamable(name string) string {
	if _, taken := b.byName[name]; taken {
		return "another type has the same name"
	}
	if len(name) > maxTypeName {
		return "its name is too long"
	}
	return ""
}

func (b *typeBook) find(name string) (reflect.Type, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, known := b.byName[name]
	return t, known
}

func (a acquaintance) lossIn(key bool) string {
	if key {
		return a.keyLoss
	}
	return a.loss
}

func firstLoss(t reflect.Type, inKey bool) string {
	r := newRoundTrip()
	r.inKey = inKey
	r.walk("behind an interface", t)
	if len(r.Losses) > 0 {
		return r.Losses[0]
	}
	return ""
}

// fullName is the name of a type with the paths of its packages. Two types can
// share it (types declared inside functions can), which meet finds out.
func fullName(t reflect.Type) string {
	switch {
	case t.Name() != "" && t.PkgPath() != "":
		return t.PkgPath() + "." + t.Name()
	case t.Name() != "":
		return t.Name()
	case t.Kind() == reflect.Pointer:
		return "*" + fullName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[]" + fullName(t.Elem())
	case t.Kind() == reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + fullName(t.Elem())
	}
	return t.String()
}

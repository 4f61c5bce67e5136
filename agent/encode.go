package agent

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
)

const (
	// maxFrame bounds one entry on the wire; a larger one counts as unencodable.
	maxFrame = 8 << 20
	// maxValueDepth bounds the recursion into one value.
	maxValueDepth = 100
)

// encoder writes values as JSON without calling any of their methods: a
// MarshalJSON or String of the service's own could lock, block or panic.
// It also reads no map inside a value, see opaque.
type encoder struct {
	buf   []byte
	limit int // len(buf) must not pass it
	path  []reflect.Type
}

// giveUp is what value panics with when an entry breaks a bound.
type giveUp struct{}

// entry appends {"k":key,"v":value}, or appends nothing and returns false.
func (e *encoder) entry(key, value reflect.Value) (ok bool) {
	start := len(e.buf)
	e.limit, e.path = start+maxFrame, e.path[:0]
	defer func() {
		// A value that another goroutine is changing can be torn: reading it
		// may fault, which SetPanicOnFault has turned into a panic.
		if p := recover(); p != nil {
			e.buf, ok = e.buf[:start], false
		}
	}()
	e.text(`{"k":`)
	e.value(key)
	e.text(`,"v":`)
	e.value(value)
	e.text(`}`)
	return true
}

func (e *encoder) text(s string) {
	if len(e.buf)+len(s) > e.limit {
		panic(giveUp{})
	}
	e.buf = append(e.buf, s...)
}

func (e *encoder) value(v reflect.Value) {
	t := v.Type()
	switch {
	case len(e.path) > maxValueDepth:
		panic(giveUp{})
	case t.Kind() == reflect.Interface && opaque(t) != "" && t.PkgPath() != "sync":
		e.dynamic(v)
		return
	case opaque(t) != "", t.Name() != "" && onPath(e.path, t):
		e.text("null")
		return
	case t == timeType:
		e.time(v)
		return
	}
	e.path = append(e.path, t)
	e.byKind(v)
	e.path = e.path[:len(e.path)-1]
}

func (e *encoder) byKind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		e.text(strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.text(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.text(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		e.float(v.Float(), v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		c, bits := v.Complex(), v.Type().Bits()/2
		e.text("[")
		e.float(real(c), bits)
		e.text(",")
		e.float(imag(c), bits)
		e.text("]")
	case reflect.String:
		e.str(v.String())
	case reflect.Pointer:
		e.pointer(v)
	case reflect.Slice, reflect.Array:
		e.list(v)
	case reflect.Struct:
		e.fields(v)
	default:
		e.text("null")
	}
}

// float writes what JSON has no number for as a string.
func (e *encoder) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		e.text(`"NaN"`)
	case math.IsInf(f, 0):
		e.text(map[bool]string{true: `"+Inf"`, false: `"-Inf"`}[f > 0])
	case f == 0 && math.Signbit(f):
		e.text("-0.0")
	default:
		e.text(strconv.FormatFloat(f, 'g', -1, bits))
	}
}

// str writes a string that is not UTF-8 as {"base64":"..."}: replacing its
// bytes would turn two keys into one.
func (e *encoder) str(s string) {
	if len(e.buf)+len(s) > e.limit {
		panic(giveUp{})
	}
	if isPlain(s) {
		e.text(`"`)
		e.text(s)
		e.text(`"`)
		return
	}
	if !utf8.ValidString(s) {
		e.text(`{"base64":"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"}`)
		return
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(giveUp{})
	}
	e.text(string(raw))
}

// isPlain is true for what JSON needs no escapes for, which most keys are.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (e *encoder) pointer(v reflect.Value) {
	if v.IsNil() {
		e.text("null")
		return
	}
	e.value(v.Elem())
}

func (e *encoder) list(v reflect.Value) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.text("null")
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		e.bytes(v)
		return
	}
	e.text("[")
	for i, n := 0, v.Len(); i < n; i++ {
		if i > 0 {
			e.text(",")
		}
		e.value(v.Index(i))
	}
	e.text("]")
}

// bytes writes []byte and [N]byte as base64.
func (e *encoder) bytes(v reflect.Value) {
	n := v.Len()
	if len(e.buf)+n > e.limit {
		panic(giveUp{})
	}
	var raw []byte
	if v.Kind() == reflect.Slice || v.CanAddr() {
		raw = v.Bytes()
	} else { // an array in an interface has no address
		raw = make([]byte, n)
		for i := range raw {
			raw[i] = byte(v.Index(i).Uint())
		}
	}
	e.text(`"` + base64.StdEncoding.EncodeToString(raw) + `"`)
}

// fields uses Go's own field names: tags are for other readers.
func (e *encoder) fields(v reflect.Value) {
	t, wrote := v.Type(), false
	e.text("{")
	for i := 0; i < t.NumField(); i++ {
		if t.Field(i).Name == "_" {
			continue
		}
		if wrote {
			e.text(",")
		}
		wrote = true
		e.text(`"`)
		e.text(t.Field(i).Name)
		e.text(`":`)
		e.value(v.Field(i))
	}
	e.text("}")
}

// dynamic writes an interface as {"type":name,"value":...}, or null when empty.
func (e *encoder) dynamic(v reflect.Value) {
	if v.IsNil() {
		e.text("null")
		return
	}
	e.text(`{"type":`)
	e.str(v.Elem().Type().String())
	e.text(`,"value":`)
	e.path = append(e.path, v.Type())
	e.value(v.Elem())
	e.path = e.path[:len(e.path)-1]
	e.text("}")
}

func (e *encoder) time(v reflect.Value) {
	t, ok := readTime(v)
	if !ok {
		e.text("null")
		return
	}
	_, offset := t.Zone()
	if offset%60 != 0 || t.Year() < 0 || t.Year() > 9999 {
		panic(giveUp{}) // RFC 3339 cannot say it without changing the instant
	}
	e.text(`"` + t.Format(time.RFC3339Nano) + `"`)
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

package agent

import (
	"fmt"
	"reflect"
	"strconv"
)

// decoder reads one entry as encoder wrote it: the same fields in the same
// order and no white space. What does not fit the type is refused, never bent.
type decoder struct {
	text  []byte
	at    int
	depth int
	inKey bool
	room  int // bytes that decoded values may still take, all entries together
}

// undecodable says where in an entry and why. It holds nothing of the entry.
type undecodable struct{ path, why string }

func (e undecodable) Error() string { return clip(e.path, maxPathBytes) + ": " + e.why }

// errNoRoom says that what a stream decodes to is over its bound.
type errNoRoom struct{}

func (errNoRoom) Error() string {
	return "what the entries decode to is more than the agent holds at once"
}

func refuse(format string, args ...any) error { return undecodable{why: fmt.Sprintf(format, args...)} }

// inStep names the step on the way to an error.
func inStep(step string, err error) error {
	if u, ok := err.(undecodable); ok {
		return undecodable{step + u.path, u.why}
	}
	return err
}

// entry decodes {"k":key,"v":value}.
func (d *decoder) entry(text []byte, key, value reflect.Value) error {
	d.text, d.at, d.depth = text, 0, 0
	if !d.skip(`{"k":`) {
		return undecodable{"entry", `expected {"k":`}
	}
	d.inKey = true
	if err := d.value(key); err != nil {
		return inStep("key", err)
	}
	d.inKey = false
	if !canBeKey(key) {
		return undecodable{"key", "a value of this type cannot be a key"}
	}
	if !d.skip(`,"v":`) {
		return undecodable{"entry", `expected ,"v": behind the key`}
	}
	if err := d.value(value); err != nil {
		return inStep("value", err)
	}
	if !d.skip("}") || d.at != len(d.text) {
		return undecodable{"entry", "something follows the value"}
	}
	return nil
}

// value decodes into a zero value that can be set.
func (d *decoder) value(into reflect.Value) error {
	if d.depth++; d.depth > 2*maxValueDepth {
		return refuse("nested too deeply")
	}
	defer func() { d.depth-- }()
	switch t := into.Type(); {
	case t.Kind() == reflect.Interface:
		return d.dynamic(into)
	case isLock(t):
		return d.null("a lock") // the zero lock is a free one
	case isTime(t):
		return d.time(into)
	case isAddr(t):
		return d.addr(into)
	case isAtomicNumber(t):
		return d.byKind(reachable(into.FieldByName("v")))
	case opaque(t) != "":
		return refuse("a %s cannot be restored: %s", clip(t.String(), maxPathBytes), opaque(t))
	}
	return d.byKind(into)
}

func (d *decoder) byKind(into reflect.Value) error {
	switch into.Kind() {
	case reflect.Bool:
		is := d.skip("true")
		if !is && !d.skip("false") {
			return refuse("expected true or false")
		}
		into.SetBool(is)
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return d.integer(into)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return d.natural(into)
	case reflect.Float32, reflect.Float64:
		f, err := d.float(into.Type().Bits())
		into.SetFloat(f)
		return err
	case reflect.Complex64, reflect.Complex128:
		return d.complex(into)
	case reflect.String:
		s, err := d.str()
		into.SetString(s)
		return err
	case reflect.Pointer:
		return d.pointer(into)
	case reflect.Slice:
		return d.slice(into)
	case reflect.Array:
		return d.array(into)
	case reflect.Struct:
		return d.fields(into)
	}
	return refuse("a %s cannot be restored", into.Kind())
}

func (d *decoder) integer(into reflect.Value) error {
	n, err := strconv.ParseInt(d.number(), 10, into.Type().Bits())
	if err != nil {
		return refuse("expected an integer that fits a %s", into.Kind())
	}
	into.SetInt(n)
	return nil
}

func (d *decoder) natural(into reflect.Value) error {
	n, err := strconv.ParseUint(d.number(), 10, into.Type().Bits())
	if err != nil {
		return refuse("expected an integer that fits a %s", into.Kind())
	}
	into.SetUint(n)
	return nil
}

func (d *decoder) complex(into reflect.Value) error {
	bits := into.Type().Bits() / 2
	opened := d.skip("[")
	re, err := d.float(bits)
	if err != nil || !opened || !d.skip(",") {
		return refuse("expected [real,imaginary]")
	}
	im, err := d.float(bits)
	if err != nil || !d.skip("]") {
		return refuse("expected [real,imaginary]")
	}
	into.SetComplex(complex(re, im))
	return nil
}

func (d *decoder) pointer(into reflect.Value) error {
	if d.skip("null") {
		return nil
	}
	if err := d.take(into.Type().Elem().Size()); err != nil {
		return err
	}
	to := reflect.New(into.Type().Elem())
	if hidesNil(into.Type()) && !d.skip(`{"to":`) {
		return refuse(`expected null or {"to":`)
	}
	if err := d.value(to.Elem()); err != nil {
		return err
	}
	if hidesNil(into.Type()) && !d.skip("}") {
		return refuse("expected the end of a pointer")
	}
	into.Set(to.Convert(into.Type())) // the pointer type may have a name
	return nil
}

func (d *decoder) slice(into reflect.Value) error {
	t := into.Type()
	if d.skip("null") {
		return nil
	}
	if t.Elem().Kind() == reflect.Uint8 {
		raw, err := d.base64()
		if err == nil {
			into.SetBytes(raw)
		}
		return err
	}
	n := d.count()
	if size := t.Elem().Size(); size > 0 && uintptr(n) > uintptr(d.room)/size {
		return errNoRoom{} // before the product can overflow
	}
	if err := d.take(uintptr(n) * t.Elem().Size()); err != nil {
		return err
	}
	into.Set(reflect.MakeSlice(t, n, n))
	return d.list(into, n)
}

func (d *decoder) array(into reflect.Value) error {
	if into.Type().Elem().Kind() != reflect.Uint8 {
		return d.list(into, into.Len())
	}
	raw, err := d.base64()
	if err == nil && len(raw) != into.Len() {
		err = refuse("expected %d bytes", into.Len())
	}
	copy(into.Bytes(), raw)
	return err
}

// list decodes exactly n elements.
func (d *decoder) list(into reflect.Value, n int) error {
	if !d.skip("[") {
		return refuse("expected a list")
	}
	for i := 0; i < n; i++ {
		if i > 0 && !d.skip(",") {
			return refuse("expected a list of %d", n)
		}
		if err := d.value(into.Index(i)); err != nil {
			return inStep(fmt.Sprintf("[%d]", i), err)
		}
	}
	if !d.skip("]") {
		return refuse("expected a list of %d", n)
	}
	return nil
}

// fields decodes a struct, unexported fields too: see reachable.
func (d *decoder) fields(into reflect.Value) error {
	t, open := into.Type(), "{"
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		if !d.skip(open) || !d.skip(`"`+f.Name+`":`) {
			return inStep("."+f.Name, refuse("expected this field"))
		}
		if err := d.value(reachable(into.Field(i))); err != nil {
			return inStep("."+f.Name, err)
		}
		open = ","
	}
	if (open == "{" && !d.skip("{")) || !d.skip("}") {
		return refuse("expected the end of a %s", clip(t.String(), maxPathBytes))
	}
	return nil
}

// take counts what is about to be allocated, in the steps the allocator has.
func (d *decoder) take(bytes uintptr) error {
	if bytes = (bytes + 15) &^ 15; bytes > uintptr(d.room) {
		return errNoRoom{}
	}
	d.room -= int(bytes)
	return nil
}

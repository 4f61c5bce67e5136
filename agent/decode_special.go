package agent

import (
	"net/netip"
	"reflect"
	"time"
)

func (d *decoder) null(what string) error {
	if !d.skip("null") {
		return refuse("expected null for %s", what)
	}
	return nil
}

func (d *decoder) time(into reflect.Value) error {
	text, err := d.str()
	if err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return refuse("expected a time as RFC 3339 writes it")
	}
	*(*time.Time)(into.Addr().UnsafePointer()) = t
	return nil
}

func (d *decoder) addr(into reflect.Value) error {
	text, err := d.str()
	if err != nil || text == "" { // the zero Addr
		return err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return refuse("expected an IP address")
	}
	*(*netip.Addr)(into.Addr().UnsafePointer()) = a
	return nil
}

// canBeKey is false for what would panic as a key of a map. Value.Comparable of
// Go 1.21 does not say it of an empty interface.
func canBeKey(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return v.IsNil() || canBeKey(v.Elem())
	case reflect.Array:
		for i := 0; i < v.Len() && v.Type().Elem().Kind() >= reflect.Array; i++ {
			if !canBeKey(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if !canBeKey(v.Field(i)) {
				return false
			}
		}
	}
	return v.Type().Comparable()
}

// dynamic decodes what is behind an interface, if its type is known here.
func (d *decoder) dynamic(into reflect.Value) error {
	if d.skip("null") {
		return nil
	}
	if !d.skip(`{"type":`) {
		return refuse(`expected null or {"type":`)
	}
	name, err := d.str()
	if err != nil {
		return err
	}
	t, err := d.named(name, into.Type())
	if err != nil {
		return err
	}
	if err := d.take(t.Size()); err != nil {
		return err
	}
	to := reflect.New(t).Elem()
	if !d.skip(`,"value":`) {
		return refuse(`expected ,"value":`)
	}
	if err := d.value(to); err != nil {
		return inStep("("+name+")", err)
	}
	if !d.skip("}") {
		return refuse("expected the end of an interface")
	}
	into.Set(to)
	return nil
}

// named finds the type of a name, one that loses nothing and fits the interface.
func (d *decoder) named(name string, fits reflect.Type) (reflect.Type, error) {
	t, known := knownTypes.find(name)
	if !known {
		return nil, refuse("the type %s is not known in this process; only the process that wrote the stream is sure to know it",
			clip(name, maxPathBytes))
	}
	if why := knownTypes.meet(t).lossIn(d.inKey); why != "" {
		return nil, refuse("%s", why)
	}
	if !t.AssignableTo(fits) {
		return nil, refuse("a %s is not a %s", clip(name, maxPathBytes), clip(fits.String(), maxPathBytes))
	}
	return t, nil
}

package agent

import (
	"fmt"
	"reflect"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"
)

const (
	// A pattern is tried while the lock is held, in a time of about program times
	// text. Longer programs are refused, longer strings fit no pattern.
	maxProgram    = 1000
	maxMatchBytes = 1024
	// maxPointers bounds the pointers and interfaces followed for one step.
	maxPointers = 4
)

// matcher decides which entries fit the conditions of a task. It calls no
// method of a key or a value. It is not for two goroutines at once.
type matcher struct {
	tests []*fieldTest
	slow  bool // a test may take long enough to look at the clock each time
}

// fieldTest is one condition, ready to be tried.
type fieldTest struct {
	onKey bool
	steps []step
	suits func(reflect.Type) bool
	holds func(reflect.Value) bool
}

// step is one field name and where it was in the type it was last asked of.
type step struct {
	name  string
	of    reflect.Type
	index []int
}

// newMatcher resolves conditions against the types of a map; what is behind an
// interface is resolved when an entry shows its type.
func newMatcher(all conditions, of types, now time.Time) (*matcher, error) {
	m := &matcher{}
	for i := range all {
		c := &all[i]
		start := of.value
		if c.On == "key" {
			start = of.key
		}
		leaf, err := leafOf(start, c.steps())
		if err == nil && leaf != nil && !c.suits(leaf) {
			err = fmt.Errorf("%s cannot be asked of a %s", c.Op, clip(leaf.String(), maxPathBytes))
		}
		if err != nil {
			return nil, inCondition(i, err)
		}
		t := &fieldTest{onKey: c.On == "key", suits: c.suits}
		for _, name := range c.steps() {
			t.steps = append(t.steps, step{name: name})
		}
		if t.holds, err = c.predicate(now); err != nil {
			return nil, inCondition(i, err)
		}
		m.tests = append(m.tests, t)
		m.slow = m.slow || c.Op == opGlob || c.Op == opRegex
	}
	return m, nil
}

// leafOf follows field names through types. It returns nil where an interface
// hides what comes next.
func leafOf(t reflect.Type, names []string) (reflect.Type, error) {
	for i := 0; ; i++ {
		for n := 0; t.Kind() == reflect.Pointer && n < maxPointers; n++ {
			t = t.Elem()
		}
		if t.Kind() == reflect.Interface {
			return nil, nil
		}
		if i == len(names) {
			return t, nil
		}
		if t.Kind() != reflect.Struct || closed(t) {
			return nil, fmt.Errorf("a %s has no fields to be asked for", clip(t.String(), maxPathBytes))
		}
		field, known := t.FieldByName(names[i])
		if !known {
			return nil, fmt.Errorf("%s has no field %q; it has %s", clip(t.String(), maxPathBytes), clip(names[i], maxFieldBytes), fieldNames(t))
		}
		t = field.Type
	}
}

// closed is true for the structs whose fields nobody asks for.
func closed(t reflect.Type) bool {
	return opaque(t) != "" || isLock(t) || isAtomicNumber(t) || t == timeType
}

func fieldNames(t reflect.Type) string {
	var names []string
	for i := 0; i < t.NumField() && i < 20; i++ {
		names = append(names, t.Field(i).Name)
	}
	return clip(strings.Join(names, ", "), maxPathBytes)
}

// suits says whether an operator can be asked of a type.
func (c *condition) suits(t reflect.Type) bool {
	switch c.Op {
	case opPrefix, opGlob, opRegex:
		return t.Kind() == reflect.String
	case opOlder:
		return t == timeType
	case opExpired:
		return t == timeType || (isNumber(t.Kind()) && t != reflect.TypeOf(time.Duration(0)))
	}
	if _, isInteger := c.integer(); isInteger {
		return isNumber(t.Kind()) && t.Kind() != reflect.Float32 && t.Kind() != reflect.Float64
	}
	return t.Kind() == reflect.String
}

func isNumber(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Float64 }

// predicate is the test of a value of a type that suits.
func (c *condition) predicate(now time.Time) (func(reflect.Value) bool, error) {
	text, _ := c.text()
	switch c.Op {
	case opPrefix:
		return func(v reflect.Value) bool { return strings.HasPrefix(v.String(), text) }, nil
	case opGlob:
		return fitsPattern(globPattern(text))
	case opRegex:
		return fitsPattern(text)
	case opOlder:
		before := now.Add(-time.Duration(c.Seconds) * time.Second)
		return func(v reflect.Value) bool { return isBefore(v, before) }, nil
	case opExpired:
		return func(v reflect.Value) bool { return hasPassed(v, now) }, nil
	}
	if number, isInteger := c.integer(); isInteger {
		return func(v reflect.Value) bool { return number == decimal(v) }, nil
	}
	return func(v reflect.Value) bool { return v.String() == text }, nil
}

// fitsPattern uses RE2, whose time grows with the text only.
func fitsPattern(pattern string) (func(reflect.Value) bool, error) {
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(v reflect.Value) bool {
		s := v.String()
		return len(s) <= maxMatchBytes && re.MatchString(s)
	}, nil
}

func checkPattern(pattern string) error {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return fmt.Errorf("the pattern is not RE2: %s", clip(err.Error(), maxPathBytes))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return fmt.Errorf("the pattern makes a program of more than %d steps", maxProgram)
	}
	return nil
}

// globPattern knows * (anything, also nothing) and ? (one character).
func globPattern(glob string) string {
	quoted := regexp.QuoteMeta(glob)
	quoted = strings.ReplaceAll(quoted, `\*`, ".*")
	return "(?s)^" + strings.ReplaceAll(quoted, `\?`, ".") + "$"
}

// isBefore is false for the zero time, which says "never".
func isBefore(v reflect.Value, when time.Time) bool {
	t, ok := readTime(v)
	return ok && !t.IsZero() && t.Before(when)
}

// hasPassed takes numbers for Unix seconds, as the exp of a JWT is. Zero and
// less say "never".
func hasPassed(v reflect.Value, now time.Time) bool {
	switch {
	case v.Type() == timeType:
		return isBefore(v, now)
	case v.CanInt():
		return v.Int() > 0 && v.Int() < now.Unix()
	case v.CanUint():
		return v.Uint() > 0 && v.Uint() < uint64(now.Unix())
	}
	return v.Float() > 0 && v.Float() < float64(now.UnixNano())/1e9
}

func decimal(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatUint(v.Uint(), 10)
}

// fits says whether an entry fits every condition. A nil on the way, a type
// that does not have the field and a value that cannot be read do not fit.
func (m *matcher) fits(key, value reflect.Value) (all bool) {
	// Values that another goroutine is changing can be torn, see stream.fill.
	defer func() {
		if recover() != nil {
			all = false
		}
	}()
	for _, t := range m.tests {
		v := value
		if t.onKey {
			v = key
		}
		if !t.fits(v) {
			return false
		}
	}
	return true
}

func (t *fieldTest) fits(v reflect.Value) bool {
	for i := range t.steps {
		if v = follow(v); !v.IsValid() || v.Kind() != reflect.Struct {
			return false
		}
		if v = t.steps[i].into(v); !v.IsValid() {
			return false
		}
	}
	v = follow(v)
	return v.IsValid() && t.suits(v.Type()) && t.holds(v)
}

// follow goes through pointers and interfaces, to nothing when one is nil.
func follow(v reflect.Value) reflect.Value {
	for n := 0; n < 2*maxPointers && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface); n++ {
		if v.IsNil() {
			return reflect.Value{}
		}
		inside := v.Kind() == reflect.Interface
		v = v.Elem()
		if inside && v.Kind() == reflect.Struct && v.CanInterface() { // a time.Time in it is read by its address
			copied := reflect.New(v.Type()).Elem()
			copied.Set(v)
			v = copied
		}
	}
	return v
}

// into returns the field of a struct, also one of an embedded struct.
func (s *step) into(v reflect.Value) reflect.Value {
	if t := v.Type(); t != s.of {
		s.of, s.index = t, nil
		if field, known := t.FieldByName(s.name); known && !closed(t) {
			s.index = field.Index
		}
	}
	if s.index == nil {
		return reflect.Value{}
	}
	for i, n := range s.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

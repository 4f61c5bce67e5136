package agent

import (
	"reflect"
	"time"
)

// clockEvery is how many entries are copied between two looks at the clock.
const clockEvery = 128

// pour copies entries from one map into another of the same type until more
// says no. It returns how many it copied and how many of these were there before.
type pour func(into, from reflect.Value, more func(copied int) bool) (copied, overwrote int)

// pourTyped takes half the time of pourAny, which matters with the lock held.
func pourTyped[K comparable, V any, M ~map[K]V](into, from reflect.Value, more func(int) bool) (copied, overwrote int) {
	to := into.Interface().(M)
	for k, v := range from.Interface().(M) {
		if copied%clockEvery == 0 && !more(copied) {
			break
		}
		before := len(to)
		to[k] = v
		if len(to) == before {
			overwrote++
		}
		copied++
	}
	return copied, overwrote
}

// pourAny is for maps whose types were only found by reflection.
func pourAny(into, from reflect.Value, more func(int) bool) (copied, overwrote int) {
	t := from.Type()
	key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for cursor := from.MapRange(); cursor.Next(); copied++ {
		if copied%clockEvery == 0 && !more(copied) {
			break
		}
		key.SetIterKey(cursor)
		value.SetIterValue(cursor)
		before := into.Len()
		into.SetMapIndex(key, value)
		if into.Len() == before {
			overwrote++
		}
	}
	return copied, overwrote
}

func always(int) bool { return true }

// within says yes until the time is over.
func within(limit time.Duration) func(int) bool {
	started := time.Now()
	return func(int) bool { return time.Since(started) <= limit }
}

package agent

import "reflect"

const (
	// A run holds this many entries, or as many as this many bytes hold.
	runEntries = 16384
	runBytes   = 1 << 20
)

// run is a row of entries in two columns of the map's own types. Its room is
// made before the lock is taken, so that adding to it allocates nothing.
type run struct {
	keys, values reflect.Value // slices, as long as the room
	n            int
}

func newRun(t types, room int) run {
	return run{keys: reflect.MakeSlice(reflect.SliceOf(t.key), room, room),
		values: reflect.MakeSlice(reflect.SliceOf(t.value), room, room)}
}

// runRoom is how many entries of these types go into one run.
func runRoom(t types) int {
	return max(minChunk, min(runEntries, runBytes/int(1+t.key.Size()+t.value.Size())))
}

func (r *run) room() int {
	if !r.keys.IsValid() {
		return 0
	}
	return r.keys.Len() - r.n
}

// add appends the entry under a cursor.
func (r *run) add(cursor *reflect.MapIter) {
	r.put(cursor)
	r.n++
}

// put writes the entry under a cursor behind the last one, without keeping it.
func (r *run) put(cursor *reflect.MapIter) (key, value reflect.Value) {
	key, value = r.keys.Index(r.n), r.values.Index(r.n)
	key.SetIterKey(cursor)
	value.SetIterValue(cursor)
	return key, value
}

// clear forgets the entries and keeps the room.
func (r *run) clear() {
	for i := 0; i < r.n; i++ {
		r.keys.Index(i).SetZero()
		r.values.Index(i).SetZero()
	}
	r.n = 0
}

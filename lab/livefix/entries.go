package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// Record is the element of most maps: its key's checksum, and which write of
// that key it was.
type Record struct {
	Sum     uint64
	Write   uint64
	Payload []byte
}

// Point is a key of two numbers and a text.
type Point struct {
	X, Y  int32
	Layer string
}

// WideKey and WideRecord are larger than 128 bytes: the map keeps pointers to
// them.
type WideKey struct {
	Number uint64
	Rest   [22]uint64
}

type WideRecord struct {
	Record
	Rest [20]uint64
}

// Plain holds no pointer.
type Plain [4]uint64

// codec makes and reads the keys and elements of one kind of map.
type codec[K comparable, V any] struct {
	key   func(n uint64) K
	value func(sum, write uint64, payload int) V
	read  func(v V) (sum, write uint64)
}

// sum is the checksum of a key, by its contents.
func sum[K comparable](k K) uint64 {
	switch k := any(k).(type) {
	case string:
		return textSum(k)
	case int64:
		return mixed(uint64(k))
	case Point:
		return mixed(uint64(uint32(k.X))<<32|uint64(uint32(k.Y))) ^ textSum(k.Layer)
	case WideKey:
		whole := mixed(k.Number)
		for _, word := range k.Rest {
			whole = mixed(whole ^ word)
		}
		return whole
	}
	panic(fmt.Sprintf("no checksum for %T", k))
}

func textSum(text string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text))
	return hash.Sum64()
}

// mixed is the finaliser of splitmix64.
func mixed(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func textKey(n uint64) string  { return fmt.Sprintf("key-%020d", n) }
func numberKey(n uint64) int64 { return int64(n) }
func pointKey(n uint64) Point  { return Point{int32(n), int32(n >> 31), textKey(n)} }
func wideKey(n uint64) (k WideKey) {
	k.Number, k.Rest[0], k.Rest[21] = n, mixed(n), ^n
	return k
}

// anyKey is of another type for each third number.
func anyKey(n uint64) any {
	switch n % 3 {
	case 0:
		return textKey(n)
	case 1:
		return numberKey(n)
	}
	return pointKey(n)
}

func newRecord(sum, write uint64, payload int) Record {
	r := Record{Sum: sum, Write: write, Payload: make([]byte, payload+8)}
	binary.LittleEndian.PutUint64(r.Payload, sum^write)
	return r
}

func (r Record) told() (sum, write uint64) {
	if len(r.Payload) < 8 || binary.LittleEndian.Uint64(r.Payload) != r.Sum^r.Write {
		return ^r.Sum, r.Write
	}
	return r.Sum, r.Write
}

func records[K comparable](key func(uint64) K) codec[K, Record] {
	return codec[K, Record]{key, newRecord, Record.told}
}

func pointers[K comparable](key func(uint64) K) codec[K, *Record] {
	value := func(sum, write uint64, payload int) *Record {
		r := newRecord(sum, write, payload)
		return &r
	}
	return codec[K, *Record]{key, value, func(r *Record) (uint64, uint64) { return r.told() }}
}

func plains[K comparable](key func(uint64) K) codec[K, Plain] {
	value := func(sum, write uint64, _ int) Plain { return Plain{sum, write, sum ^ write, ^sum} }
	read := func(p Plain) (uint64, uint64) {
		if p[2] != p[0]^p[1] || p[3] != ^p[0] {
			return ^p[0], p[1]
		}
		return p[0], p[1]
	}
	return codec[K, Plain]{key, value, read}
}

func wides[K comparable](key func(uint64) K) codec[K, WideRecord] {
	value := func(sum, write uint64, payload int) WideRecord {
		w := WideRecord{Record: newRecord(sum, write, payload)}
		w.Rest[0], w.Rest[19] = sum, ^sum
		return w
	}
	read := func(w WideRecord) (uint64, uint64) {
		sum, write := w.told()
		if w.Rest[0] != w.Sum || w.Rest[19] != ^w.Sum {
			return ^sum, write
		}
		return sum, write
	}
	return codec[K, WideRecord]{key, value, read}
}

// boxed wraps the element in an interface, of another type for each third write.
func boxed(key func(uint64) string) codec[string, any] {
	value := func(sum, write uint64, payload int) any {
		r := newRecord(sum, write, payload)
		switch write % 3 {
		case 0:
			return r
		case 1:
			return &r
		}
		return Plain{sum, write, sum ^ write, ^sum}
	}
	read := func(v any) (uint64, uint64) {
		switch v := v.(type) {
		case Record:
			return v.told()
		case *Record:
			return v.told()
		case Plain:
			return plains(numberKey).read(v)
		}
		return 0, 0
	}
	return codec[string, any]{key, value, read}
}

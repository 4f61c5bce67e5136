package main

import (
	"fmt"
	"time"
)

// Point is a key of two numbers and a text, Wide is kept beside the slots.
type Point struct {
	X, Y  int32
	Layer string
}

type Wide struct {
	N    uint64
	Rest [20]uint64
}

// Record is an element with pointers.
type Record struct {
	N       uint64
	Payload []byte
	Name    string
}

var kinds = func() map[string]func(int) subject {
	all := map[string]func(int) subject{}
	withElems(all, "string", func(n uint64) string { return fmt.Sprintf("key-%010d", n) })
	withElems(all, "int64", func(n uint64) int64 { return int64(n) * 7 })
	withElems(all, "int32", func(n uint64) int32 { return int32(n) })
	withElems(all, "point", func(n uint64) Point { return Point{int32(n), -int32(n), fmt.Sprint("layer ", n%7)} })
	withElems(all, "any", anyKey)
	withElems(all, "wide", wide)
	withElems(all, "pointer", pointer)
	withElems(all, "array", func(n uint64) (a [16]byte) { copy(a[:], fmt.Sprintf("%016x", n)); return a })
	all["across"] = across
	add(all, "aged", func(n uint64) string { return fmt.Sprint("session ", n) }, session)
	return all
}()

// Claims is embedded in what it is about.
type Claims struct{ Exp int64 }

// Session was last seen as many minutes ago as its number says, but for the
// first, which never was; it expires so many minutes after the first does.
type Session struct {
	*Claims
	LastSeen time.Time
}

var began = time.Now()

func session(n uint64) *Session {
	s := &Session{Claims: &Claims{began.Unix() + 60*(int64(n)-100)}}
	if n > 0 {
		s.LastSeen = began.Add(-time.Duration(n) * time.Minute)
	}
	return s
}

// across is a map whose header lies on two pages of memory.
func across(entries int) subject {
	for {
		m := newKind(0, func(n uint64) string { return fmt.Sprint("key ", n) }, func(n uint64) *Record { return &Record{N: n} })
		if k := m.(*kind[string, *Record]); k.address()%4096 > 4096-48 {
			k.entries = uint64(entries)
			k.fill(0, k.entries)
			return m
		}
		others = append(others, m)
	}
}

// others are in the way of what is looked for.
var others []subject

func withElems[K comparable](all map[string]func(int) subject, name string, key func(uint64) K) {
	add(all, name+"-record", key, func(n uint64) Record { return Record{n, []byte{byte(n)}, fmt.Sprint(n)} })
	add(all, name+"-pointer", key, func(n uint64) *Record { return &Record{N: n, Name: fmt.Sprint(n)} })
	add(all, name+"-int64", key, func(n uint64) int64 { return int64(n) + 1 })
	add(all, name+"-string", key, func(n uint64) string { return fmt.Sprint("value ", n) })
	add(all, name+"-any", key, func(n uint64) any { return anyKey(n + 1) })
	add(all, name+"-wide", key, wide)
	add(all, name+"-slice", key, func(n uint64) []byte { return []byte(fmt.Sprint(n)) })
	add(all, name+"-nothing", key, func(uint64) struct{} { return struct{}{} })
}

func add[K comparable, V any](all map[string]func(int) subject, name string, key func(uint64) K, elem func(uint64) V) {
	all[name] = func(entries int) subject { return newKind(entries, key, elem) }
}

func anyKey(n uint64) any {
	switch n % 3 {
	case 0:
		return fmt.Sprint("any ", n)
	case 1:
		return int64(n)
	}
	return Point{int32(n), 1, "any"}
}

func wide(n uint64) Wide { return Wide{N: n, Rest: [20]uint64{19: ^n}} }

// pointer hands out one pointer for each number.
var numbers = map[uint64]*uint64{}

func pointer(n uint64) *uint64 {
	if numbers[n] == nil {
		numbers[n] = &n
	}
	return numbers[n]
}

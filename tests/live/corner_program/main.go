// Command corners holds maps where they are hard to find, and says of each what it is called and how many entries it
// has by its own len().
package main

import (
	"fmt"
	"os"
)

// truth: entries, then the path of the map; each has a number of entries that no other one has.
var truth []string

func held(path string, entries int) { truth = append(truth, fmt.Sprintf("%d %s", entries, path)) }

// next is how many entries the next map gets.
var next = 3000

func filled[K comparable, V any](key func(int) K) map[K]V {
	next++
	var zero V
	m := map[K]V{}
	for i := 0; i < next; i++ {
		m[key(i)] = zero
	}
	return m
}

func number(i int) int  { return i }
func text(i int) string { return fmt.Sprint(i) }

func main() {
	fillStatics()
	fillGenerics()
	fillHanging()
	fillArrays()
	fillPool()
	fillVast()
	for _, line := range truth {
		fmt.Println(line)
	}
	fmt.Println("READY")
	os.Stdin.Read(make([]byte, 1))
	keep()
}

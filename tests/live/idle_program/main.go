// Idle collects its garbage three times, and does nothing until its standard input ends.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	for range [3]int{} {
		runtime.GC()
	}
	fmt.Println("READY")
	io.Copy(io.Discard, os.Stdin)
}

//go:build go1.23 || goexperiment.allocheaders

package mapsize

// Since Go 1.22 a small pointerful object above 512 bytes begins with a word
// naming its type; it counts towards the size class.
const mallocHeaders = true

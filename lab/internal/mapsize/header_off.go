//go:build !go1.23 && !goexperiment.allocheaders

package mapsize

const mallocHeaders = false

package main

import "encoding/binary"

// mix is splitmix64: a bijection, so numbers that differ stay different.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// fillWith writes data that is different for every seed and does not compress,
// so that no page of one entry looks like a page of another.
func fillWith(buf []byte, seed uint64) {
	for len(buf) >= 8 {
		seed = mix(seed)
		binary.LittleEndian.PutUint64(buf, seed)
		buf = buf[8:]
	}
	for i := range buf {
		buf[i] = byte(seed >> (8 * i))
	}
}

// checksum lets a reply depend on every byte that was kept.
func checksum(buf []byte) uint32 {
	sum := uint32(2166136261)
	for _, b := range buf {
		sum = (sum ^ uint32(b)) * 16777619
	}
	return sum
}

func hashOf(key string) uint64 {
	return mix(uint64(checksum([]byte(key))))
}

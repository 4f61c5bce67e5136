package main

// stand never returns; it stands depth frames deep.
func stand(depth int) byte {
	var frame [160]byte
	if depth == 0 {
		select {}
	}
	frame[depth%len(frame)] = stand(depth - 1)
	return frame[(depth+1)%len(frame)]
}

"""The Go runtime's structures, on top of a memory reader. Knows nothing of /proc or ELF."""

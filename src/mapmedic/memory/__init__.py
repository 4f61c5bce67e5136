"""Bytes at an address: a live process, a frozen copy of one, a core. Knows nothing of Go."""

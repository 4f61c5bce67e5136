"""The whole loop on a real leaking service: build it, start it, let traffic on it, find, fix, prove."""

"""Finds the Go map that eats a service's memory, fixes it live, and proves it."""

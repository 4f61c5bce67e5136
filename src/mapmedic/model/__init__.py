"""Frozen facts: dataclasses, columns and units; no I/O, no clock."""

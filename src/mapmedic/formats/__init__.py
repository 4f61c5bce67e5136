"""Bytes to model and back: pure parsers, each with its own bounds."""

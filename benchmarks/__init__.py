"""Runs beside the peers, each printing a ratio."""

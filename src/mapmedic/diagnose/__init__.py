"""Observations to findings. Reads no file, opens no socket: clock and thresholds are handed in."""

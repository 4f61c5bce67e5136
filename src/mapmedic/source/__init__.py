"""Go source: what the line that a profile names really says."""

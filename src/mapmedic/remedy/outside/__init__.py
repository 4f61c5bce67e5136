"""Change a map in a process that has neither agent nor endpoint: by plain writes, while it stands still."""

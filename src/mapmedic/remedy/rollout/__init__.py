"""One fix for many targets: one of them first, the others in rings, none after something went wrong."""

"""Scripts that hold the house up: environment, checks, toolchains."""

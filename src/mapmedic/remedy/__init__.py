"""The only package that changes a target: plan, preflight, journal, apply, verify."""

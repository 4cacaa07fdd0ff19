"""Read-only queries behind the `list` and `show` commands."""

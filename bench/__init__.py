"""Benchmarks: each job of the exchange and the conversion beside its floor and its peer (docs/benchmarks.md)."""

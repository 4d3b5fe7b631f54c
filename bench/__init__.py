"""Measurements side by side in one run: python -m bench.loading, bench.training, bench.enhancement, bench.metrics."""

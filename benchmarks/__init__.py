"""How fast the gateway is, as ratios to nginx measured in the same run: `python -m benchmarks run`."""

"""How fast rpcbridge is, measured beside what it stands in for. `make bench`, or `python -m benchmarks`; see README.md."""

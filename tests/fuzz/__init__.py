"""Fuzzing: what is thrown at the bridge, what must hold, and how long it is thrown. `make fuzz` runs it."""

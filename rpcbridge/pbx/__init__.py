"""Emulated phone systems: they place calls against a bridge, as the real ones would, and say what the caller hears."""

"""Everything that can break is broken, under load: nothing that was acknowledged may be lost. `make chaos` prints it as a table."""

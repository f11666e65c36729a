"""What pages show of recorded exchanges: pure views over documents and rows. No I/O, no clock, no Flask."""

"""What a story is and what may happen to it: pure, synchronous, no clock, no I/O, standard library only."""

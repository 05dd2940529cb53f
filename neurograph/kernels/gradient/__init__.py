"""Training steps: a program forwards and backwards, one pattern at a time or samples in lanes."""

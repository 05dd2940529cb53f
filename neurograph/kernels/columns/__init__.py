"""Columns: a few samples of a large program at a time, its maps or neighbours as lanes."""

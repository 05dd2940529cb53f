"""Converters: each module reads or writes one foreign form of a network."""

"""Graphs as torch layers: a module whose layers are real ones, or an error that says why not."""

from neurograph.convert.torch_export.exporting import module_of_layers

__all__ = ["module_of_layers"]

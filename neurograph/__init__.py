"""Convolutional networks as graphs of explicit neurons, weights and connections."""

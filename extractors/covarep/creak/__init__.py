"""Creaky voice: its measures, and the network that decides frame by frame."""

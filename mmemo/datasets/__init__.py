"""Readers of data sets, one file a source. Each yields ``Clip`` objects."""

"""Graphs in memory, readers of the field's file formats, features, splits and the catalogue."""

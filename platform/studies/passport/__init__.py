"""Passports: a suite with all that its numbers hang on, in one file; and a cell of it made again elsewhere."""

"""The result store: a folder of runs, each whole or absent."""

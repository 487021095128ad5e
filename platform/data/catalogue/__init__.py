"""Datasets by name: built in, benchmarks, one's own; cached, downloaded, checked."""

"""Stored weights judged again, without training; what came out is kept."""

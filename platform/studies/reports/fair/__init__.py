"""Rows tuned by themselves beside the frozen ones: what is kept of it, what it is worth, how it is told."""

"""Suite files, their cells, and the manifest of what was asked."""

"""From features to vectors: maps, noise, distributions, denoisers."""

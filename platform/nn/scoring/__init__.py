"""How plausible a triple is."""

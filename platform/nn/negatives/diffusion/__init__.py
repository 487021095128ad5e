"""Negatives that a diffusion model generates (DHNS)."""

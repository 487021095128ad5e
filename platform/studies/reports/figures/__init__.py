"""Figures of suites: what they show, and how it is drawn."""

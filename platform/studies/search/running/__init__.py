"""Trials under way: what they need from the driver, early stops, what they cost, what a budget leaves."""

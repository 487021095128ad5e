"""Skeletons that several methods share: what is a method's composition, not a layer."""

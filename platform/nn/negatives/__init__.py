"""Negative samplers: one contract, one file a technique."""

"""Runs of a suite on Ray: every distinct one once, resumable."""

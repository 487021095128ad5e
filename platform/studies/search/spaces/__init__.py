"""Search spaces: what may be tuned and when, and what trials are compared by."""

"""A dataset looked at before anything is trained on it: one page."""

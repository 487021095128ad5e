"""The page of a suite: one HTML file that needs nothing else."""

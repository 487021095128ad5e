"""The page of results: a section for each passport that is kept, and what was written by hand beside it."""

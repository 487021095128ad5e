"""Whether the rows of a suite do what they say: each compared with the full method before anything is trained."""

"""What a method gets of a dataset: joint or training graph, split, filled-in features."""

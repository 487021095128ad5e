"""What a difference is worth: intervals, tests and verdicts, from the ranks of every query."""

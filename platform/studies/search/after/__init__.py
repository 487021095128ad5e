"""What a search has found: which parameters mattered, drawings, a page."""

"""The pages of all suites of a home, and the index that leads to them."""

"""One file a method: see CONTRIBUTING.md."""

"""The kgprism command: the only place that prints."""

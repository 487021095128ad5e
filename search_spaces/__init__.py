"""One YAML file a method: what may be tuned, the published settings first."""

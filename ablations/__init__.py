"""One YAML file a published table or figure."""

"""Search spaces, suites, the result store, tables and TensorBoard."""

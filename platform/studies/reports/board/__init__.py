"""TensorBoard's files of what was run."""

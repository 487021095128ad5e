"""Tables in every form, figures, TensorBoard."""

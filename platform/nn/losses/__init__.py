"""What is descended, and what keeps it in bounds."""

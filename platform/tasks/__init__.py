"""What is asked of a method and how every method is judged."""

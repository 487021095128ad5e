"""The plain PyTorch loop and the Ray Train trainer around it."""

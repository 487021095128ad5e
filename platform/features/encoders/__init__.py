"""What turns pictures and texts into vectors: by name, through other libraries or installed packages."""

"""Suite and space files read: lines and columns of keys, what they extend, what was read before."""

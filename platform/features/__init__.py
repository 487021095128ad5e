"""From raw pictures and texts to feature sets: sources, safe decoding, encoders, a stream of chunks that resumes."""

"""From the modalities of an entity to one vector."""

"""How right lint is, and how fast."""

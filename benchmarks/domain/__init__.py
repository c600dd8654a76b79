"""The household application: how fast it is seeded, and what its queries cost."""

"""Static analysis of migrations."""

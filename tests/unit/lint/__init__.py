"""Static analysis of migrations."""


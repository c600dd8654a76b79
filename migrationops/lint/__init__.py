"""Know before you touch: what a migration will do to a live database."""

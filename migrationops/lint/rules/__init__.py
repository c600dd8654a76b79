"""The rules, one a module; each has its page in docs/reference/rules."""

"""What PostgreSQL will do for each statement, worked out without a server.

simulate.py walks a script over a World; the other modules hold PostgreSQL's rules,
one kind of statement each.
"""

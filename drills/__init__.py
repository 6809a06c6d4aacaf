"""Break a deployed cluster on purpose, and measure what its clients feel.

It knows redis-py, Docker and a stack's outputs. All break things by `under_load`: injected, undone, waited for.
"""

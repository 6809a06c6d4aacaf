"""Break a deployed cluster on purpose, and measure what its clients feel.

The library knows redis-py, Docker and the outputs of a stack, and nothing of how the stack is declared.
It is used by the deploy tests, by `python -m drills` and by `python -m drills.bench`.
"""

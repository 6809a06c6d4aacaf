"""Break a deployed cluster on purpose, and measure what its clients feel.

The library knows redis-py, Docker and the outputs of a stack, and nothing of how the stack is declared.
Drill, chaos, bench and tests all break things by way of `under_load`: a fault injected, undone and waited for.
"""

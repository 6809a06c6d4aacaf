"""Process 1 of every container: supervises redis-server, Sentinel or HAProxy, and decides from what it knows.

Standard library only: it runs on the Python of the base image's own distribution. Nothing imports it but its tests.
"""

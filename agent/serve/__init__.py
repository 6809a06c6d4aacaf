"""The process: its configuration, the server that it supervises, its loop."""

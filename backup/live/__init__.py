"""Brings the data of a running Redis or Valkey into the stack, while it is written to."""

"""What to do: pure functions from what is known. Nothing here waits, asks or writes."""

"""What watches meanwhile: clients that write, and what happened when."""

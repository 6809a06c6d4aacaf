"""Property values: their wire form, their difference, their addresses."""

"""What this is measured against the plain alternatives, pairwise in one run: `python -m drills.bench`."""

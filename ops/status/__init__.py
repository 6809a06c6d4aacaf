"""`make status`: what each node is, what the Sentinels say, and one line of verdict."""

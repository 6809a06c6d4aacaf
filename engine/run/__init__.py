"""One run of the program: declared, decided, carried out; deletes and hooks."""

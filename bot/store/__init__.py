"""The store: the log of all threads and the index tables that follow from it, in one SQLite file."""

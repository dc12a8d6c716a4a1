"""One module per micro-agent: what it may do, its tools, the name of its prompt."""

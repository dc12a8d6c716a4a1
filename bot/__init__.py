"""The core: decides and remembers."""

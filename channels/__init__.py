"""One module per channel: each carries messages in and out, and decides nothing."""

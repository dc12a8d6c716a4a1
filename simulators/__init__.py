"""Local stand-ins for the providers: real sockets, real protocol, no imports from the bot."""

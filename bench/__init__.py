"""What is measured and proved about the bot, with a table at the end of each."""

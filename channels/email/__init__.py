"""E-mail: one mailbox that is read over IMAP and answered over SMTP. The channel itself is in channel.py."""

"""A stand-in for a mail provider: one mailbox by IMAP, one way out by SMTP, and people who write to it."""

from simulators.mail.config import ADDRESS, AUTHSERV_ID, PASSWORD, MailConfig
from simulators.mail.simulator import MailSimulator

__all__ = ["ADDRESS", "AUTHSERV_ID", "PASSWORD", "MailConfig", "MailSimulator"]

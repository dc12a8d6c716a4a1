"""TLS to a mail server: whom we trust, and in words what is wrong when we do not."""

import ipaddress
import ssl


def context(ca_file: str = "") -> ssl.SSLContext:
    """Trusts the authorities of this machine, or only those of `ca_file`. Raises OSError if it is unreadable."""
    return ssl.create_default_context(cafile=ca_file or None)


def is_here(host: str) -> bool:
    """Is this the machine itself, where nobody can listen in?"""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def explain(error: ssl.SSLError, *, host: str, port: int, setting: str) -> str:
    """What was found and what to do; `setting` is the one with the host's name."""
    where = f"{host}:{port}"
    if not isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where} does not speak TLS as we do ({error.reason or error}). "
            "Use the port for TLS from the first byte on (993 for IMAP, 465 for SMTP)."
        )
    found = error.verify_message
    match error.verify_code:  # X509_V_ERR_... of OpenSSL
        case 10:
            return f"The certificate of {where} has expired: renew it there, or set the clock here right."
        case 9:
            return f"The certificate of {where} is not valid yet: set the clock here, or there, right."
        case 62 | 64:
            return (
                f"The certificate of {where} is for another name ({found}). "
                f"Set {setting} to the name in the certificate."
            )
        case _:
            return (
                f"Nobody we trust has signed the certificate of {where} ({found}). If it is signed by an authority "
                "of your own, set channels.email.ca_file to that authority's certificate (PEM); "
                "if not, somebody may be listening in."
            )

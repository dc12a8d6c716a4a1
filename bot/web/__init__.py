"""The web side: the REST API, the live streams and the pages, in one FastAPI application."""

from bot.web.app import create_app, end_streams
from bot.web.site import Check, Readiness, Site

__all__ = ["Check", "Readiness", "Site", "create_app", "end_streams"]

"""Where Slack's SDK may speak. It says much at INFO, and looks at the level of its own logger only."""

import logging

SDK_LOG = logging.getLogger("channels.slack.sdk")
SDK_LOG.setLevel(logging.WARNING)

BOLT_LOG = logging.getLogger("channels.slack.bolt")
BOLT_LOG.setLevel(logging.ERROR)  # warns of the environment's token even when given a client

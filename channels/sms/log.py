"""Where Twilio's SDK may speak. At INFO it logs addresses, parameters and headers of every request."""

import logging

SDK_LOG = logging.getLogger("channels.sms.sdk")
SDK_LOG.setLevel(logging.WARNING)

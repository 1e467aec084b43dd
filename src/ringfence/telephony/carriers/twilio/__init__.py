"""Twilio, and whoever speaks as Twilio does.

Read in this order: `carrier` (what the house asks of it), `signature` (did Twilio send this?), `forms` (what its
webhooks say), `documents` (what we answer: TwiML), `media` (the messages of the media socket; `frames` reads the
many that are audio).
"""

from ringfence.telephony.carriers.twilio.carrier import TwilioCarrier, TwilioOptions, create
from ringfence.telephony.carriers.twilio.media import TwilioMediaDecoder

__all__ = ["TwilioCarrier", "TwilioMediaDecoder", "TwilioOptions", "create"]

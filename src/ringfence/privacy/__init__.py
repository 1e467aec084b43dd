"""What keeps secrets secret.

Read in this order: `redact` (secrets leave the words before anything else sees them), `cipher` and `secrets`
(what is kept of numbers and audio is sealed), `audit` (who looked), `retention` (when it goes).
"""

"""The flow: one call from its first frame to its verdict.

Read in this order: `messages` (what lookers-on are told), `monitor` (decides; pure), `session` (acts for one
call), `switchboard` (the calls of this process), `recorder` (a call as JSON lines, for replay).
"""

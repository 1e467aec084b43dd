"""Sound to words: one party's audio goes into an engine, segments come out, utterances are built from them.

Read in this order: `leg_stream` (audio in), `engines/` (one file each), `fallback` (when one fails),
`utterances` (words out), `choice` (which engines the settings ask for). Engines that compute on this machine
live in processes of their own: `workers` is our side of the pipe, `worker` the other. `turns` and `voice` cut
audio where a speaker pauses; `models` fetches what engines must download.
"""

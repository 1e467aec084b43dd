"""Who may come in: keys, sign-in links, sessions, roles.

Read `roles`, then `tokens` (what a secret looks like), `service` (what can be done with them) and `store`
(how they are kept).
"""

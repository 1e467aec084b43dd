"""Who may come in: keys, sessions, sign-in links, roles."""

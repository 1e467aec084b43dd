"""Who gives us calls: one file for each carrier."""

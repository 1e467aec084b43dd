"""The words of the house, as frozen values.

Standard library only. Read in this order: `numbers`, `calls`, `media`, `speech`, `assessment`, `errors`.
`docs/glossary.md` explains every word; one word means one thing in code, SQL, API, console and docs.
"""

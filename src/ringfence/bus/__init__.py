"""Finished facts for whoever looks on: updates for consoles and monitors, later also between processes.

The bus never carries audio and decides no order inside a call.
"""

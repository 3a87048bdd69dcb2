"""A grid of one's own on this machine: a stand-in for the central service, and real XRootD servers as storage.

It shares no code with the daemon, so that a mistake is not made on both sides of the wire.
"""

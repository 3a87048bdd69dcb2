"""A private grid on this machine: a simulated central service, with real XRootD servers as storage.

It shares no code with the daemon, so that the same mistake cannot occur on both sides of the protocol.
"""

"""Converts values to messages of the contract, and requests to values."""

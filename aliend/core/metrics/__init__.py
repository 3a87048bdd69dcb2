"""Figures for monitoring: counted where things happen, without a library; `aliend.metrics` writes them as text."""

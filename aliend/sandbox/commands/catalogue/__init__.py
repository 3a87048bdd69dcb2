"""Catalogue commands of the simulated service."""

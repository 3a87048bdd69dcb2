"""Certificates, private keys, certificate authorities and TLS. Knows no connection."""

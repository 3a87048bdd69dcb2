"""Rules of a connection to the central service: life cycle, credentials, discovery, throttle, pool policy."""

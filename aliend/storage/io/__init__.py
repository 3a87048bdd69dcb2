"""The I/O of one task in a worker process: XRootD, HTTP, zip archives, the local disk, checksums."""

"""What a worker process uses for one task: XRootD, HTTP, zip archives, the local disk, checksums."""

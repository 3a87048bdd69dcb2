"""Streams of file contents: `content_stream` for any reader, `cluster_contents` for those on workers of a cluster."""

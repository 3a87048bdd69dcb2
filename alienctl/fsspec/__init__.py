"""`alien://` for everything that opens files by fsspec: pandas, uproot, Dask.

`file_system` is the file system, `open_file` its file objects; `entries` describes names, `contents` reads,
`byte_ranges` plans the reads, `jobs` copies as transfer jobs, `calls` makes the calls to the daemon from asyncio.
fsspec imports this package when a URL begins with `alien://`; nothing else does.
"""

from alienctl.fsspec.file_system import AlienFileSystem

__all__ = ["AlienFileSystem"]

"""Uses the Python API and fsspec: python analysis.py FOLDER TARGET

FOLDER is an absolute LFN; its files are copied to the local directory TARGET.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec

from alienctl import api


def main(folder: str, target: Path) -> None:
    """List, read and copy files, and print what happens."""
    with api.connect() as grid:
        files = sorted(grid.find(folder), key=lambda entry: entry.lfn)
        for entry in files:
            print(f"find {entry.lfn}:{entry.size}")
        try:
            grid.stat(f"{folder}/none")
        except FileNotFoundError as error:
            print(f"error {error.errno} {error.filename}")
        with grid.open(files[0].lfn) as file:
            file.seek(6)
            print(f"read {file.read(5).decode()}")
        with fsspec.open(f"alien://{files[0].lfn}", "r") as text:
            print(f"text {text.readline().strip()}")
        job = grid.copy(f"{folder}/", target, label="analysis").wait()
        print(f"copy {job.state} {job.files_done}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

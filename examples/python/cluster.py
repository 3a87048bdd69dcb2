"""Adds up a column of many ROOT files of the grid on a Dask cluster. The workers need no credentials.

    python cluster.py SCHEDULER CERTIFICATES DIRECTORY

SCHEDULER is `tls://HOST:PORT`, CERTIFICATES the directory of `alienctl cluster certs`, DIRECTORY one of the catalogue.
"""

from __future__ import annotations

import sys
from typing import Any

import fsspec
import uproot
from distributed import Client, Security

from alienctl.api.cluster import serve_tickets


def total(name: str, files: Any) -> int:  # noqa: ANN401 - fsspec has no types
    """Return the sum of the branch `x` of one file; a worker runs this."""
    with files.open(name) as file, uproot.open(file) as root:
        return int(root["tree"]["x"].array(library="np").sum())


def main(scheduler: str, certificates: str, directory: str) -> None:
    """Read all files, in parallel."""
    security = Security(
        tls_ca_file=f"{certificates}/ca.pem",
        tls_client_cert=f"{certificates}/client.pem",
        tls_client_key=f"{certificates}/client-key.pem",
        require_encryption=True,
    )
    with Client(scheduler, security=security) as client, serve_tickets(client) as tickets:
        files = fsspec.filesystem("alien", **tickets.options)
        names = files.glob(f"{directory.rstrip('/')}/*.root")
        sums = client.gather(client.map(total, names, files=files))
        print(f"{len(sums)} files, the sum of x is {sum(sums)}")


if __name__ == "__main__":
    main(*sys.argv[1:])

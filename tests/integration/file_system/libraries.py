"""Uses alien:// through pandas, uproot or Dask, as an analyst does; prints JSON.

Arguments: the name of a function below, then its arguments.
"""

import json
import sys
from pathlib import Path

ROWS, COLUMNS = 524_288, 50
"""A tree of 200 MiB: 8 bytes for each number."""
READ = ("c3", "c20", "c41")
"""The columns that are read."""
FILES = 4


def table(directory):
    """Write a table with pandas and read it, whole and in chunks."""
    import pandas

    url = f"alien://{directory}/table.csv"
    written = pandas.DataFrame({"run": range(1000), "name": [f"r{n}" for n in range(1000)]})
    written.to_csv(url, index=False)
    chunks = pandas.read_csv(url, chunksize=300)
    return {
        "same": bool(pandas.read_csv(url).equals(written)),
        "chunks": [len(chunk) for chunk in chunks],
        "zipped": _zipped(written, f"{url}.gz"),
        "missing": _error(lambda: pandas.read_csv(f"{url}.none")),
    }


def _zipped(written, url):
    """Return whether a compressed table is read as it was written."""
    import pandas

    written.to_csv(url, index=False)
    return bool(pandas.read_csv(url).equals(written))


def _error(call):
    try:
        call()
    except OSError as error:
        return type(error).__name__
    return ""


def write_tree(path):
    """Write a tree of 200 MiB that cannot be compressed to a local file; return the sums of three columns."""
    import numpy
    import uproot

    random = numpy.random.default_rng(1)
    columns = {f"c{n}": random.random(ROWS) for n in range(COLUMNS)}
    with uproot.recreate(path, compression=None) as file:
        file["events"] = columns
    return {name: float(columns[name].sum()) for name in READ}


def read_tree(url):
    """Read three columns of the tree with uproot."""
    import uproot

    with uproot.open(url) as file:
        columns = file["events"].arrays(list(READ), library="np")
    return {name: float(column.sum()) for name, column in columns.items()}


def read_tree_with_root(url, packages):
    """Read the tree with uproot in a process that has loaded ROOT and its XRootD client from a directory."""
    sys.path.append(packages)
    import ROOT

    ROOT.gSystem.Load("libNetxNG")
    sums = read_tree(url)
    libraries = Path("/proc/self/maps").read_text(encoding="utf-8")
    return {**sums, "clients": sorted({part for part in libraries.split() if "libXrdCl.so" in part})}


def dask_files(directory):
    """Write several files with Dask and read them as arrays and bags, with threads and with processes."""
    import dask
    import dask.array
    import dask.bag
    import fsspec
    import numpy

    urls = [f"alien://{directory}/part{n}.txt" for n in range(FILES)]
    lines = dask.bag.from_sequence([str(number) for number in range(100 * FILES)], npartitions=FILES)
    lines.to_textfiles(urls, scheduler="threads")
    result = {"files": len(fsspec.open_files(f"alien://{directory}/part*.txt"))}
    total = dask.bag.read_text(f"alien://{directory}/part*.txt").map(int).sum()
    blocks = [dask.array.from_delayed(dask.delayed(_numbers)(url), shape=(100,), dtype=numpy.int64) for url in urls]
    both = total, dask.array.concatenate(blocks).sum()
    for scheduler in ("threads", "processes"):
        result[scheduler] = [int(found) for found in dask.compute(*both, scheduler=scheduler, num_workers=2)]
    return result


def _numbers(url):
    """Return the numbers of a file."""
    import fsspec
    import numpy

    with fsspec.open(url) as file:
        return numpy.loadtxt(file, dtype=numpy.int64)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))

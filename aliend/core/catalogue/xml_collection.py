"""XML collections of files in AliEn's format: builds one from local files, and merges several. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from aliend.errors import BadReply

_NAME = "tempCollection"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file: absolute path, bytes, md5, names of owner and group, mode, `changed` as text."""

    path: str
    size: int
    md5: str
    owner: str
    group: str
    mode: int
    changed: str


def attributes_of(file: LocalFile) -> dict[str, str]:
    """Return the attributes of a local file in a collection, in the service's order."""
    url = f"file://{file.path}"
    return {
        "name": file.path.rpartition("/")[2],
        "aclId": "",
        "broken": "0",
        "ctime": file.changed,
        "dir": "",
        "entryId": "",
        "expiretime": "",
        "gowner": file.group,
        "guid": "",
        "guidtime": "",
        "jobid": "",
        "lfn": url,
        "md5": file.md5,
        "owner": file.owner,
        "perm": f"{file.mode & 0o777:o}",
        "replicated": "0",
        "size": str(file.size),
        "turl": url,
        "type": "f",
    }


def document(files: Sequence[Mapping[str, str]]) -> str:
    """Return the collection of files with these attributes."""
    events = [
        f'    <event name="{number}">\n      <file {_format_attributes(file)} />\n    </event>'
        for number, file in enumerate(files, 1)
    ]
    return "\n".join(
        [
            '<?xml version="1.0"?>',
            "<alien>",
            f'  <collection name="{_NAME}">',
            *events,
            "  </collection>",
            "</alien>",
        ]
    )


def merge(texts: Sequence[str]) -> str:
    """Merge several collections. Raises BadReply for invalid XML."""
    files = []
    for text in texts:
        try:
            files += [file.attrib for file in ElementTree.fromstring(text).iter("file")]
        except ElementTree.ParseError as error:
            raise BadReply(f"toXml: the collection is not valid XML: {error}") from error
    return document(files)


def _format_attributes(attributes: Mapping[str, str]) -> str:
    return " ".join(f"{name}={_quote(value)}" for name, value in attributes.items())


def _quote(value: str) -> str:
    """Return a value in double quotes; bytes that are not UTF-8 are escaped, since XML cannot contain them."""
    text = value.encode("utf-8", "backslashreplace").decode()
    return quoteattr(text, {'"': "&quot;"})

"""Messages of a client that speaks the service's protocol to us: requests as the service reads them, and replies.

The rules are those of the wire specification, sections 1.2 to 1.7. `aliend.bridge` receives and sends the texts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aliend.core.protocol.replies import Reply, Result
from aliend.core.protocol.requests import Request

LARGEST = 133120
"""UTF-16 units of the largest message."""
_EINVAL = 22


class InvalidMessage(Exception):
    """The message is answered with an error; `str()` is its text."""


class UnusableMessage(Exception):
    """The message has the wrong structure: the connection is closed with code 1002, without a reply."""


def read_request(text: str) -> Request:
    """Parse a message. Raises InvalidMessage, UnusableMessage."""
    if len(text) > LARGEST // 2 and len(text.encode("utf-16-le", "surrogatepass")) > 2 * LARGEST:
        raise InvalidMessage(f"Message too big, limit is at {LARGEST}")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("Incoming JSON is not ok") from error
    if not isinstance(document, dict) or document.get("command") is None:
        raise UnusableMessage
    options = document.get("options")
    if options is None:
        options = []
    if not isinstance(options, list) or None in options:
        raise UnusableMessage
    return Request(_word(document["command"]), tuple(map(_word, options)))


def _word(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else json.dumps(value)


def reply_text(reply: Reply) -> str:
    """Return the text of a reply."""
    return _json({"metadata": metadata(reply), "results": [dict(result) for result in reply.results]})


def error_text(code: int, error: str, user: str, directory: str) -> str:
    """Return the text of a reply that only reports an error."""
    return reply_text(Reply(code, error, user, directory, ()))


def invalid_text(error: InvalidMessage, user: str, directory: str) -> str:
    """Return the reply to an invalid message."""
    return error_text(_EINVAL, str(error), user, directory)


def metadata(reply: Reply) -> dict[str, str]:
    """Return the metadata of a reply; without a user and a directory where the service sent none."""
    members = reply.to_json()["metadata"]
    return {name: value for name, value in members.items() if value or name not in ("user", "currentdir")}


def results_text(results: Sequence[Result], *, is_first: bool) -> str:
    """Return a piece of a long reply: some of its results, and the beginning of the document if they are the first."""
    listed = ",".join(_json(dict(result)) for result in results)
    return f'{{"results":[{listed}' if is_first else f",{listed}" if listed else ""


def end_text(reply: Reply) -> str:
    """Return the end of a long reply, behind its results."""
    return f'],"metadata":{_json(metadata(reply))}}}'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

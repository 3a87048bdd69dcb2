"""The memory of large replies is returned, also that of texts in reference cycles."""

from __future__ import annotations

import gc
import weakref

from aliend.central.freed_memory import return_memory
from aliend.core.protocol.reply_stream import ReplyReader
from aliend.core.protocol.requests import Request


def test_the_reader_of_a_refused_reply_is_freed() -> None:
    gc.disable()
    try:
        reader = weakref.ref(ReplyReader(Request("find")))
        return_memory()
        assert reader() is None
    finally:
        gc.enable()

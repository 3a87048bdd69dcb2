"""Whatever the catalogue calls a file, its local path is below the root."""

from __future__ import annotations

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from aliend.core.catalogue.local_paths import local_path
from aliend.errors import CopyError

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(["..", ".", "", "/", "a", "\0", "\n", "\x1b[31m", "x" * 300, "…", "\ud800", "~", "$HOME"]),
        st.text(max_size=5),
    ),
    max_size=6,
).map("/".join)


@given(name=HOSTILE, root=st.sampled_from(["/", "/data", "/data/", "/a/b c"]), links=st.booleans())
def test_a_path_is_refused_or_below_the_root(name: str, root: str, links: bool) -> None:
    try:
        path = local_path(root, name, lambda _: links)
    except CopyError as error:
        refused: CopyError | None = error
    else:
        refused = None
    if refused:
        assert refused.kind == "permanent"
        assert str(refused).isprintable()
        return
    prefix = root.rstrip("/") + "/"
    assert path.startswith(prefix)
    assert len(path) > len(prefix)
    assert posixpath.normpath(path) == path
    assert "\0" not in path
    assert not links or "/" not in path[len(prefix) :]

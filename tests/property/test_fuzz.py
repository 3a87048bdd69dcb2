"""The quick form of `make fuzz`: the same changes of the committed inputs in each run.

The target that sends requests to a daemon is in `tests/integration/client/test_fuzzed_requests.py`.
"""

from __future__ import annotations

from itertools import islice

import pytest

from tests.fuzz.__main__ import load_targets
from tests.fuzz.mutation import mutations
from tests.quick import examples

TARGETS = {name: target for name, target in load_targets().items() if not target.is_remote}
DEFECTS = [(name, defect) for name, target in TARGETS.items() for defect in target.defects]
_ENOUGH = 4000
"""Changed inputs within which each seeded defect is found; `make fuzz` has millions."""


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_become_values_or_errors_of_ours(name: str) -> None:
    target = TARGETS[name]
    with target.prepared(""):
        for data in islice(mutations(target, 0), examples(target.examples)):
            target.check(data)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize(("name", "defect"), DEFECTS)
def test_each_target_finds_its_seeded_defects(name: str, defect: str) -> None:
    target = TARGETS[name]
    with target.prepared(defect):
        for data in islice(mutations(target, 0), _ENOUGH):
            try:
                target.check(data)
            except Exception:  # noqa: BLE001 - whatever the defect causes
                return
    pytest.fail(f"{name}: {defect}: not found")


def test_every_target_has_a_seeded_defect() -> None:
    assert all(target.defects and target.corpus for target in load_targets().values())

"""The figures for monitoring, read by the parsers of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.harness import User, eventually


def samples(families: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """The samples by name and labels."""
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def sample(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_a_scrape_counts_what_happened(user: User, folder: str) -> None:
    text = "content"
    (user.home / "x").write_text(text, encoding="utf-8")
    user.must("cp", "file:x", "x@disk:1")
    user.must("cp", "x", "file:y")
    user.run("cp", "data/none", "file:z")
    scrape = user.must("daemon", "metrics") + "\n"
    found = samples(open_metrics(scrape))  # type: ignore[no-untyped-call]
    for direction in ("download", "upload"):
        assert sample(found, "aliend_attempts_total", direction=direction, outcome="done") == 1
        assert sample(found, "aliend_files_total", direction=direction, state="done") == 1
        assert sample(found, "aliend_moved_bytes_total", direction=direction) == len(text)
        assert sample(found, "aliend_queue_wait_seconds_count", direction=direction) == 1
    assert sample(found, "aliend_transfers", state="queued") == 0
    (endpoint,) = {value for _, labels in found for name, value in labels if name == "endpoint"}
    assert sample(found, "aliend_central_logins_total", endpoint=endpoint) == 1
    answers = sample(found, "aliend_central_latency_seconds_count", endpoint=endpoint, throttled="no")
    assert 0 < answers <= sample(found, "aliend_central_commands_total", endpoint=endpoint)
    assert sample(found, "aliend_memory_bytes") > 1 << 20
    assert 0 <= sample(found, "aliend_loop_lag_seconds") < 60
    states = {dict(labels)["state"]: value for (name, labels), value in found.items() if name == "aliend_storage_state"}
    assert states["working"] == 1


def test_a_text_file_is_written_when_one_is_configured(user: User) -> None:
    user.must("pwd")
    file = user.home / "aliend.prom"
    configuration = user.home / ".config/aliend/config.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(f'[metrics]\ntextfile = "{file}"\n', encoding="utf-8")
    user.must("daemon", "reload")
    eventually(file.exists)
    assert file.stat().st_mode & 0o777 == 0o644
    assert sample(samples(prometheus(file.read_text(encoding="utf-8"))), "aliend_calls") >= 0
    assert list(user.home.glob("*aliend.prom*")) == [file]

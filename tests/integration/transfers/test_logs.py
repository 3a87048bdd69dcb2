"""The daemon's log on a real grid: what settles a support case, and how it is selected."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.harness import User


def configure(user: User, text: str) -> None:
    file = user.home / ".config/aliend/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_the_log_explains_a_job(user: User, folder: str) -> None:
    Path(user.home, "x").write_text("text", encoding="utf-8")
    user.must("cp", "file:x", "x")
    user.run("cp", "missing", "file:y")
    user.must("transfers", "limit", "files=3")
    user.must("transfers", "priority", "5", "1")
    done, *_ = [line for line in user.must("daemon", "logs", "--job", "1").splitlines() if "]: done: " in line]
    for fact in ("job=1 transfer=1 attempt=1 se=ALICE::SANDBOX::SE", "bytes=4 seconds="):
        assert fact in done
    assert "[job=1]: priority set by the user: 5" in user.must("daemon", "logs", "--job", "1")
    failed = user.must("daemon", "logs", "--job", "2", "--level", "warning").splitlines()
    assert len(failed) == 1
    assert "does not exist in the catalogue" in failed[0]
    assert "limits set by the user: files=3" in user.must("daemon", "logs", "--since", "1h")
    refused = user.run("daemon", "logs", "--level", "loud")
    assert (refused.returncode, "--level debug|info" in refused.stderr) == (22, True)


def test_level_and_format_change_while_the_daemon_runs(user: User) -> None:
    user.must("pwd")
    configure(user, '[log]\nlevel = "warning"\nformat = "json"\n')
    applied = user.json("daemon", "reload")["applied"]
    assert applied == ["[log] format is json (was not set)", "[log] level is warning (was not set)"]
    user.run("cp", "missing", "file:y")
    last = json.loads(user.must("daemon", "logs", "-n", "1"))
    assert (last["level"], last["job"]) == ("warning", 1)
    assert "does not exist" in last["reason"]
    assert os.access(user.home / ".local/state/aliend/default/aliend.log", os.R_OK)


def test_a_line_that_is_one_argument_reaches_commands_without_the_daemon(user: User) -> None:
    user.must("pwd")
    assert "aliend" in user.must("daemon status")
    chain = user.run("pwd; daemon stop")
    assert (chain.returncode, "run `alienctl daemon stop` alone" in chain.stderr) == (22, True)
    assert user.must("daemon stop").startswith("aliend stopped (pid ")

"""The rules of the house: who may import whom, how long things may be, what `core` may not know."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

# all in one test process, which parses each file once
pytestmark = pytest.mark.xdist_group("layering")

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 60
LONGEST_MODULE = 400
CORE_MAY_NOT = {"asyncio", "socket", "ssl", "time", "random", "os", "logging", "grpc", "threading", "subprocess"}

MOST_FILES = 15
SHORTEST_MODULE = 40

# which packages of aliend a package may import, besides itself and the errors
MAY_IMPORT: dict[str, set[str]] = {
    "aliend/core": set(),
    "aliend/central": {"core"},
    "aliend/bridge": {"core", "central"},
    "aliend/storage": {"core", "process_privacy"},
    "aliend/store": {"core"},
    "aliend/engine": {"core", "storage", "store", "private_directories"},
    "aliend/services": {"core", "commands", "metrics", "runtime", "user_sessions", "engine", "lifecycle", "v1"},
    "aliend/commands": {
        *(
            "core",
            "runtime",
            "user_sessions",
            "engine",
            "central",
            "storage",
            "config",
            "bridge",
            "credential_locations",
        ),
    },
    "aliend/doctor": {
        *("core", "central", "config", "credential_locations", "lifecycle", "private_directories", "storage", "store"),
    },
    "aliend/sandbox": set(),
}
# the order of imports inside a package: a layer may import from layers to its right only
LAYERS: dict[str, list[set[str]]] = {
    "aliend/core": [
        {"doctor"},
        {"copying"},
        {"transfers"},
        {"grid"},
        {"protocol"},
        {"catalogue"},
        {"connection"},
        {"metrics"},
        {"cli"},
    ],
    "aliend/engine": [
        {"__init__"},
        {"engine"},
        {"runners"},
        {"queries"},
        {"batches"},
        {"attempts"},
        {"expansion", "admission", "change_stream", "wait_reasons"},
        {"kept_replicas", "partial_files", "statistics"},
        {"held_jobs", "ports", "views", "retention", "file_content", "relay_spool"},
    ],
    "aliend/storage": [{"cluster"}, {"pool", "worker"}, {"wire", "io"}, {"tasks", "errors"}],
    "aliend/central": [
        {"sessions"},
        {"catalogue"},
        {"session", "tokens"},
        {"connection", "http_client"},
        {
            "credentials",
            "lost_replies",
            "reply_buffer",
            "request_trace",
            "session_status",
            "session_counters",
            "freed_memory",
        },
    ],
    "aliend/commands": [
        {"command_line", "completion"},
        {"command_names"},
        {"dispatch"},
        {"copying"},
        {"account", "files"},
        {"grid"},
        {"following"},
        {"invocation"},
    ],
    "aliend/services": [
        {"server"},
        {"contents"},
        {"reading"},
        {
            *("catalogue", "console", "daemon", "raw", "session", "transfers"),
            *("credentials", "grid_jobs", "network", "storage"),
        },
        {"caller", "command_run", "grpc_errors"},
        {"messages"},
    ],
    "aliend/sandbox": [
        {"__main__"},
        {"cli", "control"},
        {"server"},
        {"commands"},
        {"service"},
        {"state", "protocol", "storage", "certificates", "control_client", "expired_certificates", "grid_size"},
        {"errors", "layout"},
    ],
    "aliend/sandbox/commands": [{"__init__"}, {"jobs"}, {"catalogue", "service", "storage"}],
    "alienctl": [
        {"main"},
        {"local_commands"},
        {"shell", "top", "alienpy", "support", "fsspec"},
        {"run", "api"},
        {"daemon"},
        {"local"},
        {"recovery"},
        {"invocation"},
        {"transport"},
        {"grpc_call", "wire_messages", "help", "terminal"},
    ],
}
# modules below 40 lines, each with the reason why it is not part of another one
SHORT_MODULES: dict[str, str] = {
    "alienctl/daemon/starter.py": "a program of its own",
    "alienctl/api/copy_progress.py": "an optional library, for both kinds of the Python API",
    "alienctl/daemon/directories.py": "paths that the start and all daemon commands share",
    "alienctl/support/bug_report.py": "one command",
    "alienctl/local/interpreter.py": "one rule, shared by daemon commands and the sandbox",
    "aliend/central/connection/jbox.py": "the only reader of JBox token files",
    "aliend/commands/following/deletions.py": "shared by two commands",
    "aliend/commands/invocation/results.py": "shared by all command families",
    "aliend/core/catalogue/metalink.py": "one file format",
    "aliend/core/cli/session_names.py": "one rule, shared by sessions and commands",
    "aliend/core/cli/environment.py": "one rule, shared by daemon and commands",
    "aliend/core/cli/numbers.py": "one rule for all numbers from outside",
    "aliend/core/grid/xrootd_statistics.py": "one document format",
    "aliend/core/transfers/backoff.py": "one rule, shared by jobs, transfers and storage elements",
    "aliend/core/transfers/overwrite.py": "one rule, shared by dry runs, attempts and workers",
    "aliend/engine/attempts/attempt_log.py": "the facts of log lines, shared by attempts that ended and were stopped",
    "aliend/engine/attempts/grid_copy.py": "one kind of attempt",
    "aliend/engine/retention.py": "one background task",
    "aliend/sandbox/protocol/throttle.py": "one rule of the service",
    "aliend/sandbox/protocol/user_threads.py": "one limit of the service",
    "aliend/services/messages/enumerations.py": "one check, of the requests of all services",
    "aliend/services/raw.py": "one service",
    "aliend/store/rows/queue_counts.py": "one query with a result of its own",
    "aliend/services/messages/status.py": "one message, used by two servicers",
    "aliend/services/messages/times.py": "the times of all messages",
    "aliend/core/cli/remedies.py": "one rule for the errors of all services",
    "aliend/storage/io/output_pipe.py": "one resource, used by two kinds of task",
    "aliend/storage/worker/min_rate.py": "one rule, used by two kinds of task",
    "aliend/storage/worker/read_back.py": "one kind of task",
    "aliend/small_files.py": "one rule for files that anybody may have left under a known name",
    "aliend/process_privacy.py": "called first by the daemon and by each worker",
    "aliend/lifecycle/process_limits.py": "called before the daemon's modules are imported",
    "aliend/lifecycle/systemd_notify.py": "the sd_notify protocol",
}
OF_ALL = {"errors", "small_files", "VERSION", "CONTRACT"}


@cache
def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if not name.startswith("aliend/v1/") and (ROOT / name).exists()]


@cache
def product() -> list[Path]:
    return [path for path in sources() if path.relative_to(ROOT).parts[0] in ("aliend", "alienctl")]


@cache
def facts(path: Path) -> tuple[list[str], list[str]]:
    """Return the imported names, and the functions that are too long."""
    names, long = [], []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > LONGEST_FUNCTION:
            long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    return names, long


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def imports(path: Path) -> list[str]:
    return facts(path)[0]


def test_sources_are_found() -> None:
    assert len(product()) > 20


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_allowed_packages(package: str) -> None:
    allowed = MAY_IMPORT[package] | OF_ALL | {Path(package).name}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / package)
        for name in imports(path)
        if (name.startswith("aliend.") and name.split(".")[1] not in allowed) or name.startswith("alienctl")
    ]
    assert wrong == []


def subpackage(path: Path, package: str) -> str:
    """The directory or module below `package` that holds `path`."""
    return path.relative_to(ROOT / package).parts[0].removesuffix(".py")


@pytest.mark.parametrize("package", LAYERS)
def test_every_subpackage_has_a_layer(package: str) -> None:
    found = {subpackage(path, package) for path in product() if path.is_relative_to(ROOT / package)}
    assert found - {"__init__"} == set().union(*LAYERS[package]) - {"__init__"}


@pytest.mark.parametrize("package", LAYERS)
def test_a_subpackage_imports_from_lower_layers_only(package: str) -> None:
    layer = {name: number for number, names in enumerate(LAYERS[package]) for name in names}
    prefix = package.replace("/", ".") + "."
    wrong = []
    for path in product():
        if not path.is_relative_to(ROOT / package):
            continue
        here = subpackage(path, package)
        for name in imports(path):
            other = name.removeprefix(prefix).split(".")[0] if name.startswith(prefix) else here
            if other != here and other in layer and layer[other] <= layer.get(here, -1):
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_no_directory_holds_more_than_fifteen_modules() -> None:
    counts = Counter(path.parent for path in product() if path.name != "__init__.py")
    assert [f"{path.relative_to(ROOT)}: {n}" for path, n in counts.items() if n > MOST_FILES] == []


def test_a_module_below_forty_lines_has_a_reason() -> None:
    short = {
        str(path.relative_to(ROOT))
        for path in product()
        if path.name != "__init__.py" and len(path.read_text(encoding="utf-8").splitlines()) < SHORTEST_MODULE
    }
    assert short == set(SHORT_MODULES)


def test_core_is_pure() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend/core")
        for name in imports(path)
        if name.split(".")[0] in CORE_MAY_NOT
    ]
    assert wrong == []


def test_the_sandbox_shares_no_code_with_the_daemon() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend/sandbox")
        for name in imports(path)
        if name.startswith("aliend.") and not name.startswith("aliend.sandbox")
    ]
    assert wrong == []


def test_the_client_imports_only_the_contract_and_only_in_its_python_interfaces() -> None:
    allowed = (ROOT / "alienctl/api", ROOT / "alienctl/fsspec")
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "alienctl")
        for name in imports(path)
        if name.startswith("aliend.") and not (any(map(path.is_relative_to, allowed)) and name.startswith("aliend.v1"))
    ]
    assert wrong == []


def test_only_services_see_protobuf_types() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in product()
        if path.is_relative_to(ROOT / "aliend") and not path.is_relative_to(ROOT / "aliend/services")
        for name in imports(path)
        if name.startswith(("aliend.v1", "google.protobuf"))
    ]
    assert wrong == []


def test_only_config_and_the_programs_read_the_environment() -> None:
    allowed = {
        "aliend/config.py",
        "aliend/__main__.py",
        "aliend/reader/__main__.py",
        "aliend/storage/worker/__main__.py",
        "aliend/storage/cluster/gateway.py",
    }
    wrong = [
        str(path.relative_to(ROOT))
        for path in product()
        if path.is_relative_to(ROOT / "aliend")
        and not path.is_relative_to(ROOT / "aliend/sandbox")
        and str(path.relative_to(ROOT)) not in allowed
        and ("os.environ" in path.read_text(encoding="utf-8") or "os.getenv" in path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in product()}
    assert [f"{path.relative_to(ROOT)}: {n}" for path, n in lengths.items() if n > LONGEST_MODULE] == []


def test_no_function_is_longer_than_60_lines() -> None:
    assert [function for path in product() for function in facts(path)[1]] == []


def test_the_daemon_starts_only_its_workers_and_git() -> None:
    starts = {
        str(path.relative_to(ROOT))
        for path in product()
        if path.is_relative_to(ROOT / "aliend") and not path.is_relative_to(ROOT / "aliend/sandbox")
        if re.search(r"subprocess|os\.(exec|spawn|system|popen|posix_spawn)", path.read_text(encoding="utf-8"))
    }
    assert starts == {
        "aliend/central/credentials/ca_bundle.py",
        "aliend/storage/cluster/executor.py",
        "aliend/storage/pool/local_process.py",
    }

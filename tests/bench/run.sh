#!/usr/bin/env bash
# Measures what the wheel installs, beside the incumbent client and xrdcp, on one sandbox grid. Prints ratios of one run.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d /tmp/aliend-bench.XXXXXX)
export XDG_STATE_HOME="$work/state" XDG_RUNTIME_DIR="$work/run" XDG_CONFIG_HOME="$work/config" HOME="$work/home"
mkdir -m 700 "$XDG_RUNTIME_DIR" "$HOME"
unset ALIEN_PROFILE ALIEN_SESSION ALIEND_SOCKET PYTHONDONTWRITEBYTECODE

finish() {
    status=$?
    [ -x "$work/ours/bin/alienctl" ] && "$work/ours/bin/alienctl" --profile sandbox daemon stop >/dev/null 2>&1
    [ -x "$work/ours/bin/alienctl" ] && "$work/ours/bin/alienctl" sandbox down >/dev/null 2>&1
    rm -rf "$work"
    exit $status
}
trap finish EXIT

.venv/bin/python -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
python3 -m venv "$work/ours"
"$work/ours/bin/pip" install --quiet --disable-pip-version-check "$(echo "$work"/dist/*.whl)[dask]"
if [ ! -x .venv-alienpy/bin/alien.py ]; then
    python3 -m venv .venv-alienpy
    .venv-alienpy/bin/pip install --quiet --disable-pip-version-check alienpy==1.7.0 'xrootd==5.9.9'
fi
export PATH="$work/ours/bin:$PATH"
alienctl sandbox up >/dev/null
eval "$(alienctl sandbox env)"
mkdir "$work/parts"
"$work/ours/bin/python" -m tests.bench.bench "$PWD/.venv-alienpy/bin/alien.py" "$work/parts"

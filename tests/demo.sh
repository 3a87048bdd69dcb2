#!/usr/bin/env bash
# Shows the main job from beginning to end, in a place of its own that is removed afterwards. Exit 0 only if every step
# was verified.
set -euo pipefail

work=$(mktemp -d /tmp/aliend-demo.XXXXXX)
export XDG_STATE_HOME="$work/state" XDG_RUNTIME_DIR="$work/socket" XDG_CONFIG_HOME="$work/config"
mkdir -m 700 "$XDG_RUNTIME_DIR"
unset ALIEN_PROFILE ALIEN_SESSION ALIEND_SOCKET

finish() {
    status=$?
    alienctl --profile sandbox daemon stop >/dev/null 2>&1 || true
    alienctl sandbox down >/dev/null 2>&1 || true
    if [ $status -eq 0 ]; then rm -rf "$work"; else echo "the demo failed; what it left: $work" >&2; fi
    exit $status
}
trap finish EXIT

step() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
must() { "$@" || { echo "NOT TRUE: $*" >&2; exit 1; }; }

step "A grid of your own: the central service and two storage elements"
run alienctl sandbox up
eval "$(alienctl sandbox env)"

step "The first command starts the daemon, which logs in once; the others find it warm"
run alienctl pwd
run alienctl ls -l
home=$(alienctl pwd)

step "An upload to two replicas: one read, both compared on the storage, then registered"
head -c 20000000 /dev/urandom >"$work/result.root"
run alienctl cp "file:$work/result.root" "${home}result.root@disk:2"
run alienctl whereis "${home}result.root"
must test "$(alienctl --json whereis "${home}result.root" | grep -c '"pfn"')" -eq 2

step "A directory of 40 files is put on the grid ..."
mkdir "$work/run"
for n in $(seq -w 1 40); do head -c 8000000 /dev/urandom >"$work/run/AO2D_$n.root"; done
run alienctl cp "file:$work/run" "${home}@disk:1" | tail -n 1

step "... and fetched in the background: a job number at once; the daemon is killed in the middle"
printf '$ job=$(alienctl cp --detach --limit 50M run/ file:back/)\n'
job=$(alienctl cp --detach --limit 50M "${home}run/" "file:$work/back/")
done_files() { alienctl transfers show --json "$job" | sed -n 's/^    "done": \([0-9]*\).*/\1/p'; }
until [ "$(done_files)" -ge 3 ]; do sleep 0.05; done
pid=$(alienctl daemon status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
run kill -9 "$pid"
arrived=$(find "$work/back" -name 'AO2D_*.root' | wc -l)
echo "  $arrived of 40 files had arrived"
must test "$arrived" -lt 40
run alienctl transfers limit --job "$job" rate=unlimited
run alienctl transfers wait --timeout 60 "$job"
run alienctl transfers list --all
new_pid=$(alienctl daemon status --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
must test "$pid" != "$new_pid"

step "Every file is compared"
run alienctl cp "${home}result.root" "file:$work/back/result.root"
must cmp "$work/result.root" "$work/back/result.root"
(cd "$work/run" && md5sum ./*.root) >"$work/sums"
(cd "$work/back" && md5sum --check --quiet "$work/sums") && echo "  all 41 files are whole"
must test -z "$(find "$work/back" -name '*.part')"

step "What a warm command costs, beside Python's own start"
PYTHONPATH="$(dirname "$0")/.." "$(dirname "$(command -v alienctl)")/python" -m tests.bench.startup

step "Everything is taken down"
run alienctl daemon stop
run alienctl sandbox down
must test ! -S "$XDG_RUNTIME_DIR/aliend/sandbox.sock"

#!/usr/bin/env bash
# Installs the system packages that the sandbox grid and the tests need, where that is allowed; otherwise says which.
set -euo pipefail
declare -A package=(
    [xrootd]=xrootd-server [xrdcp]=xrootd-client [strace]=strace [tmux]=tmux [zsh]=zsh [fish]=fish [gpg]=gnupg
    [groff]=groff-base [npm]=npm [systemd-analyze]=systemd
)
missing=()
for program in "${!package[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "These packages are needed; install them and run make again: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
if ! command -v apt-get >/dev/null; then
    echo "These programs are needed, from your system's packages: ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
       apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"

"""The scripts that `alienctl completion` prints. They leave all work to `alienctl __complete`."""

_BASH = r"""# Completion of alienctl for bash; in ~/.bashrc:  eval "$(alienctl completion bash)"
_alienctl() {
    mapfile -t COMPREPLY < <(alienctl __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ $COMP_TYPE == 63 && ${#COMPREPLY[@]} -gt 1 ]]; then  # readline only lists them: with descriptions
        COMPREPLY=("${COMPREPLY[@]/$'\x1f'/ }")
    else
        COMPREPLY=("${COMPREPLY[@]%%$'\x1f'*}")
    fi
}
complete -o nospace -o nosort -F _alienctl alienctl
"""

_ZSH = r"""#compdef alienctl
# Completion of alienctl for zsh; in ~/.zshrc, after compinit:  eval "$(alienctl completion zsh)"
_alienctl() {
    local -a lines found shown
    lines=("${(@f)$(alienctl __complete zsh "${BUFFER[1,CURSOR]}" 2>/dev/null)}")
    found=("${(@)lines%%$'\x1f'*}")
    shown=("${(@)lines/$'\x1f'/ }")
    if [[ "$lines" == *$'\x1f'* ]]; then  # with descriptions, in the given order
        compadd -Q -U -S '' -V jobs -l -d shown -- "${found[@]}"
    elif [[ -n "$found" ]]; then
        compadd -Q -U -S '' -- "${found[@]}"
    fi
}
# zsh loads this as the function _alienctl where it is a file in fpath, and evaluates it otherwise
if [[ "$funcstack[1]" == _alienctl ]]; then _alienctl "$@"; else compdef _alienctl alienctl; fi
"""

_FISH = r"""# Completion of alienctl for fish: alienctl completion fish > ~/.config/fish/completions/alienctl.fish
complete -c alienctl -f -a '(alienctl __complete fish (commandline -cp) 2>/dev/null)'
"""

FILES = {
    "bash": "bash-completion/completions/alienctl",
    "zsh": "zsh/site-functions/_alienctl",
    "fish": "fish/vendor_completions.d/alienctl.fish",
}
"""Paths below `share/` from which the shells load the scripts."""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

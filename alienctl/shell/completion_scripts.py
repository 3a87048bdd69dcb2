"""The scripts that `alienctl completion` prints. They leave all work to `alienctl __complete`."""

_BASH = r"""# Completion of alienctl for bash; in ~/.bashrc:  eval "$(alienctl completion bash)"
_alienctl() {
    mapfile -t COMPREPLY < <(alienctl __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -o nosort -F _alienctl alienctl
"""

_ZSH = r"""#compdef alienctl
# Completion of alienctl for zsh; in ~/.zshrc, after compinit:  eval "$(alienctl completion zsh)"
_alienctl() {
    local -a found
    found=("${(@f)$(alienctl __complete zsh "${BUFFER[1,CURSOR]}" 2>/dev/null)}")
    [[ -n "$found" ]] && compadd -Q -U -S '' -- "${found[@]}"
}
compdef _alienctl alienctl
"""

_FISH = r"""# Completion of alienctl for fish: alienctl completion fish > ~/.config/fish/completions/alienctl.fish
complete -c alienctl -f -a '(alienctl __complete fish (commandline -cp) 2>/dev/null)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

# bash completion of sipctl
_sipctl() {
    local -a lines
    mapfile -t lines < <("${1/#\~/$HOME}" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    COMPREPLY=()
    if [[ ${lines[0]-} == files ]]; then
        compopt -o default
    else
        COMPREPLY=("${lines[@]:1}")
    fi
}
complete -F _sipctl sipctl

# Bash completion of enclos: asks the program itself (api/cli/complete.c).
_enclos() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} candidate word kept
    word=${line##*[[:space:]]}
    # Bash replaces only what follows the last of these characters.
    kept=${word%"${word##*[=@:]}"}
    COMPREPLY=()
    for candidate in $("$1" complete --line "$line" 2>/dev/null); do
        candidate=${candidate%%$'\t'*}
        if [[ $candidate == :files ]]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "${word##*=}"))
        else
            COMPREPLY+=("${candidate#"$kept"}")
        fi
    done
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _enclos enclos

# SPDX-License-Identifier: Apache-2.0
# bash completion for klog: `klog complete` knows what may stand where.
_klog() {
    local i word current prefix words=() reply=()
    # bash parts words at '=' and ':'; klog wants them whole.
    for ((i = 1; i <= COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        if ((${#words[@]})) && [[ $word == [=:]* || ${COMP_WORDS[i - 1]} == *[=:] ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
    done
    mapfile -t reply < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
    case ${reply[0]-} in
        file) compopt -o default ;;
        directory) compopt -o dirnames ;;
        words)
            current=${words[${#words[@]} - 1]}
            prefix=${current%"${current##*[=:]}"}
            COMPREPLY=("${reply[@]:1}")
            COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
            COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
            ;;
    esac
}
complete -F _klog klog

# SPDX-License-Identifier: Apache-2.0
# fish completion for klog: `klog complete` knows what may stand where.
function __klog_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l reply ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
    switch "$reply[1]"
        case file
            __fish_complete_path "$current"
        case directory
            __fish_complete_directories "$current"
        case words
            printf '%s\n' $reply[2..-1]
    end
end
complete -c klog -f -a '(__klog_complete)'

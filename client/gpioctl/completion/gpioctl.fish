# SPDX-License-Identifier: MIT
# Fish's completion of gpioctl. What may stand where, gpioctl itself says: "gpioctl help complete".

function __gpioctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    type -fq -- "$program"; or set program gpioctl
    type -fq -- "$program"; or return

    set -l candidates (command $program complete -- $words[2..-1] "$current" 2>/dev/null)
    if not string match -q -- \t'*' "$candidates[1]"
        printf '%s\n' $candidates
    else if string match -q -- '--*=*' "$current" # files, behind the option
        set -l parts (string split -m 1 = -- "$current")
        printf '%s\n' "$parts[1]="(__fish_complete_path "$parts[2]")
    else
        __fish_complete_path "$current"
    end
end

complete -c gpioctl -f -a '(__gpioctl_complete)'

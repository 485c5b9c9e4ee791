#compdef gpioctl
# SPDX-License-Identifier: MIT
# Zsh's completion of gpioctl. What may stand where, gpioctl itself says: "gpioctl help complete".

_gpioctl()
{
	local program=${(Q)words[1]} line word
	local -a whole open # candidates that end a word, and those that end with its "="

	program=${program/#\~\//$HOME/}
	whence -p -- "$program" >/dev/null || program=gpioctl

	for line in "${(@f)$("$program" complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
		word=${line%%$'\t'*}
		if [[ $line == $'\t'* ]]; then
			[[ $PREFIX != --*=* ]] || compset -P 1 '*='
			_files
			return
		elif [[ $word == *= ]]; then
			open+=("${word//:/\\:}:${line#*$'\t'}")
		elif [[ $line == *$'\t'* ]]; then
			whole+=("${word//:/\\:}:${line#*$'\t'}")
		elif [[ -n $word ]]; then
			whole+=("${word//:/\\:}")
		fi
	done
	_describe -t words word open -S '' -- whole
}

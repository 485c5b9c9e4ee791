# SPDX-License-Identifier: MIT
# Bash's completion of gpioctl. What may stand where, gpioctl itself says: "gpioctl help complete".

# Sets words as gpioctl will see them, up to the cursor: Bash cuts at "=" and ":", too, so what stands
# together is put together. Sets kept to the part of the last that Bash will not replace.
_gpioctl_words()
{
	local rest=${COMP_LINE:0:COMP_POINT} trimmed piece i n=-1

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		trimmed=${rest#"${rest%%[![:space:]]*}"}
		if ((i == 0)) || [[ $trimmed != "$rest" ]]; then
			words[++n]=
		fi
		piece=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || piece=$trimmed
		kept=${words[n]}
		words[n]+=${piece//[\"\'\\]/}
		rest=${trimmed#"$piece"}
	done
	[[ $piece == *[!=:]* ]] || kept=${words[n]}
}

_gpioctl()
{
	local words kept line word

	_gpioctl_words
	words[0]=${words[0]/#~\//$HOME/}
	type -P -- "${words[0]}" >/dev/null || words[0]=gpioctl

	COMPREPLY=()
	while IFS= read -r line; do
		word=${line%%$'\t'*}
		if [[ -z $word ]]; then
			compopt -o default # files
			return
		fi
		[[ $word == "${words[-1]}"* ]] || continue
		[[ $word != *= ]] || compopt -o nospace
		word=${word#"$kept"}
		[[ $word != *[!A-Za-z0-9_./:=,@%+-]* ]] || printf -v word %q "$word"
		COMPREPLY+=("$word")
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _gpioctl gpioctl

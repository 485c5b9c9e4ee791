# SPDX-License-Identifier: MIT
# Where each shell looks for the completion of gpioctl. Debian's zsh has a folder for packages, and
# looks below /usr/local in the usual one.

COMPLETION := client/gpioctl/completion/gpioctl
BASH_COMPLETION := $(PREFIX)/share/bash-completion/completions/gpioctl
ZSH_COMPLETION := $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)/_gpioctl
FISH_COMPLETION := $(PREFIX)/share/fish/vendor_completions.d/gpioctl.fish

.PHONY: install-completion uninstall-completion
install-completion:
	install -D -m 644 $(COMPLETION).bash $(DESTDIR)$(BASH_COMPLETION)
	install -D -m 644 $(COMPLETION).zsh $(DESTDIR)$(ZSH_COMPLETION)
	install -D -m 644 $(COMPLETION).fish $(DESTDIR)$(FISH_COMPLETION)
uninstall-completion:
	rm -f $(addprefix $(DESTDIR),$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))

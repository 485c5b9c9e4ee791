# SPDX-License-Identifier: MIT
# Manual pages, made from the Markdown of docs/ and from what the programs say of themselves, so that
# they cannot differ from either.

MAN_PAGES := $(addprefix $(BUILD)/man/,gpioeventd.8 gpioeventd.conf.5 gpioctl.1 gpioeventd-protocol.7)
MAN_TOOLS := tools/md2man tools/help2md
MANDIR := $(PREFIX)/share/man

# $(call md2man,WHAT IT IS,SEE ALSO): standard input to the page $@.
md2man = awk -v name=$(basename $(@F)) -v section=$(subst .,,$(suffix $(@F))) -v version=$(VERSION) \
	-v what='$(1)' -v see='$(2)' -f tools/md2man >$@

$(BUILD)/man/gpioeventd.8: docs/man/gpioeventd.md $(BUILD)/gpioeventd $(MAN_TOOLS)
	@mkdir -p $(@D)
	@tools/help2md $(BUILD)/gpioeventd <$< | $(call md2man,serves GPIO lines over a Unix socket,\
		gpioctl(1)$(comma) gpioeventd.conf(5)$(comma) gpioeventd-protocol(7)$(comma) systemd.service(5))
$(BUILD)/man/gpioctl.1: docs/man/gpioctl.md $(BUILD)/gpioctl $(MAN_TOOLS)
	@mkdir -p $(@D)
	@tools/help2md $(BUILD)/gpioctl <$< | $(call md2man,reads$(comma) sets and watches GPIO lines,\
		gpioeventd(8)$(comma) gpioeventd-protocol(7))
$(BUILD)/man/gpioeventd.conf.5: docs/configuration.md tools/md2man
	@mkdir -p $(@D)
	@$(call md2man,configuration of gpioeventd,gpioeventd(8)$(comma) gpioctl(1)) <$<
$(BUILD)/man/gpioeventd-protocol.7: docs/protocol.md tools/md2man
	@mkdir -p $(@D)
	@$(call md2man,how programs talk to gpioeventd,gpioeventd(8)$(comma) gpioctl(1)) <$<
comma := ,

.PHONY: man check-man run-check-man install-man uninstall-man
man: $(MAN_PAGES)
install-man: $(MAN_PAGES)
	@for page in $^; do \
		install -v -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done
uninstall-man:
	rm -f $(foreach page,$(notdir $(MAN_PAGES)),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page))

# The programs have to be built, which check-docs itself has no libraries for.
check-docs: check-man
check-man:
	@$(SUBMAKE) run-check-man
run-check-man: $(MAN_PAGES)
	@tools/check-man $^

# SPDX-License-Identifier: MIT
# What make installs, where, and the Debian package of it.
#
# ACCESS=exclusive: the GPIO chips belong to the daemon alone; shared: the group gpio may open them,
# too. SYSTEMD=no installs no units, no users and no udev rule.

ACCESS ?= exclusive
ifeq ($(filter exclusive shared,$(ACCESS)),)
$(error ACCESS=$(ACCESS) is not known; use exclusive or shared)
endif

LIBDIR := $(PREFIX)/lib
UNITDIR := $(LIBDIR)/systemd/system
BOARDS := $(wildcard config/boards/*.ini)
DOCS := README.md LICENSE $(filter-out %.in.md,$(wildcard docs/*.md))
CONFIG := $(DESTDIR)$(SYSCONFDIR)/gpioeventd/gpioeventd.conf
UNITS := $(patsubst systemd/%.in,$(BUILD)/units/%,$(wildcard systemd/*.in))

# Where the units find the programs follows from PREFIX.
$(BUILD)/units/%: systemd/%.in $(BUILD)/flags
	@mkdir -p $(@D)
	@sed 's|@SBINDIR@|$(SBINDIR)|g; s|@BINDIR@|$(BINDIR)|g; s|@DOCDIR@|file:$(DOCDIR)|g' $< >$@

include tools/man.mk
include tools/completion.mk

.PHONY: install-files install-systemd deb
install: install-files install-man install-completion $(if $(filter no,$(SYSTEMD)),,install-systemd)
	@[ -n '$(DESTDIR)' ] || $(if $(filter no,$(SYSTEMD)),:,tools/after-install)

# A configuration that is there is the user's, at install and at uninstall.
install-files: all
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(BINDIR) $(DATADIR)/boards $(DOCDIR)) $(dir $(CONFIG))
	install -m 755 $(BUILD)/gpioeventd $(DESTDIR)$(SBINDIR)/gpioeventd
	install -m 755 $(BUILD)/gpioctl $(DESTDIR)$(BINDIR)/gpioctl
	$(if $(BOARDS),install -m 644 $(BOARDS) $(DESTDIR)$(DATADIR)/boards)
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)
	@[ -e $(CONFIG) ] || install -v -m 644 config/gpioeventd.conf $(CONFIG)

install-systemd: $(UNITS)
	install -d $(addprefix $(DESTDIR),$(UNITDIR) $(LIBDIR)/sysusers.d $(LIBDIR)/tmpfiles.d \
		$(LIBDIR)/udev/rules.d $(DATADIR)/udev $(DATADIR)/systemd)
	install -m 644 $(UNITS) $(DESTDIR)$(UNITDIR)
	install -m 644 systemd/sysusers.conf $(DESTDIR)$(LIBDIR)/sysusers.d/gpioeventd.conf
	install -m 644 systemd/tmpfiles.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/gpioeventd.conf
	install -m 644 systemd/udev/$(ACCESS).rules $(DESTDIR)$(LIBDIR)/udev/rules.d/99-gpioeventd.rules
	install -m 644 systemd/udev/*.rules $(DESTDIR)$(DATADIR)/udev
	install -m 644 systemd/examples/* $(DESTDIR)$(DATADIR)/systemd

uninstall: uninstall-man uninstall-completion
	rm -f $(DESTDIR)$(SBINDIR)/gpioeventd $(DESTDIR)$(BINDIR)/gpioctl
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/gpioeventd,.service .socket)
	rm -f $(DESTDIR)$(LIBDIR)/sysusers.d/gpioeventd.conf $(DESTDIR)$(LIBDIR)/tmpfiles.d/gpioeventd.conf
	rm -f $(DESTDIR)$(LIBDIR)/udev/rules.d/99-gpioeventd.rules
	rm -rf $(DESTDIR)$(DATADIR) $(DESTDIR)$(DOCDIR)

# Built for /usr, in a place of its own, so that the programs in build/ stay as they are.
PACKAGE := build/package
deb:
	@tools/deps install build package
	@rm -rf $(PACKAGE)/root
	@+$(SUBMAKE) install BUILD=$(PACKAGE) PREFIX=/usr SYSCONFDIR=/etc SYSTEMD=yes \
		DESTDIR=$(CURDIR)/$(PACKAGE)/root >$(PACKAGE).log || { cat $(PACKAGE).log; exit 1; }
	@tools/make-deb $(PACKAGE)/root $(VERSION) build

.PHONY: check-units
check-units: all
	@tools/check-units $(BUILD)

# SPDX-License-Identifier: MIT
# gpioeventd: build, test, install.
#
#   make                 the daemon and gpioctl, in build/
#   make deps            installs what the build and the tests need (Debian, Raspberry Pi OS, Ubuntu)
#   make demo            a simulated board, a button and an LED, through an ordinary client
#   make check           every test: unit, integration, sanitizers, valgrind, a real kernel's GPIO lines,
#                        a real systemd
#   make check-quick     unit, integration, documents; installs nothing
#   make bench           measures; prints ratios and writes build/bench.json
#   make install         DESTDIR= PREFIX=/usr/local ACCESS=exclusive|shared; make uninstall leaves the
#                        configuration
#   make deb             a Debian package for this machine, in build/
#
# VARIANT=debug|asan|coverage builds into build/VARIANT; WERROR=1 makes warnings errors;
# SYSTEMD=no builds without libsystemd and installs no units.

VARIANT ?= release
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR := $(PREFIX)/bin
SBINDIR := $(PREFIX)/sbin
DATADIR := $(PREFIX)/share/gpioeventd
DOCDIR := $(PREFIX)/share/doc/gpioeventd
PYTHON ?= /usr/bin/python3
VERSION := 0.1.0

BUILD := $(if $(filter release,$(VARIANT)),build,build/$(VARIANT))

CFLAGS_release  := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_debug    := -O0 -g3
CFLAGS_asan     := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_coverage := -O0 -g --coverage
ifeq ($(CFLAGS_$(VARIANT)),)
$(error VARIANT=$(VARIANT) is not known; use release, debug, asan or coverage)
endif

WARNINGS := -Wall -Wextra -Wshadow -Wundef -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

# Goals that need no library, so that they also run on a machine where nothing is installed yet.
LIBLESS := deps clean help demo deb check check-quick check-kernel check-system check-docs docs bench format format-check uninstall
ifneq ($(filter-out $(LIBLESS),$(or $(MAKECMDGOALS),all)),)
include tools/libraries.mk
endif

override CFLAGS := -std=gnu11 $(CFLAGS_$(VARIANT)) $(WARNINGS) -fno-common -fPIE -D_GNU_SOURCE \
	-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Idaemon -Iclient/lib -I. \
	-DGPIOEVENTD_VERSION='"$(VERSION)"' -DDATADIR='"$(DATADIR)"' \
	-DSYSCONFDIR='"$(SYSCONFDIR)"' $(LIB_CFLAGS) $(CFLAGS)
override LDFLAGS := -pie -Wl,-z,relro,-z,now $(filter -fsanitize% --coverage,$(CFLAGS_$(VARIANT))) $(LDFLAGS)

# A part that the machine may lack is a second file with the same functions.
SYSTEMD ?= yes
ifeq ($(filter yes no,$(SYSTEMD)),)
$(error SYSTEMD=$(SYSTEMD) is not known; use yes or no)
endif
SERVICE := $(wildcard daemon/*-$(if $(filter no,$(SYSTEMD)),none,systemd).c)

LIB_SRC    := $(wildcard client/lib/*.c)
DAEMON_SRC := $(filter-out daemon/main.c daemon/%-none.c daemon/%-systemd.c,$(wildcard daemon/*.c)) $(SERVICE)
GPIOCTL_SRC := $(wildcard client/gpioctl/*.c)
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# One short line for each step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-3s %s\n' '$(1)' '$(2)';)

.PHONY: all deps demo run-demo check check-quick check-unit check-valgrind check-valgrind-session \
	check-integration check-kernel run-kernel check-system run-system check-docs \
	fuzz-smoke run-fuzzers bench run-bench docs install uninstall clean format format-check help
all: $(BUILD)/gpioeventd $(BUILD)/gpioctl $(BUILD)/examples/s3_follow

# Other flags than last time (another PREFIX, another set of libraries) build everything again.
$(BUILD)/flags: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$(CC) $(filter-out -Werror,$(CFLAGS)) $(DAEMON_LIBS) $(SERVICE))
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libgpioevent.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^
$(BUILD)/libdaemon.a: $(call obj,$(DAEMON_SRC))
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^

$(BUILD)/gpioeventd: $(BUILD)/obj/daemon/main.o $(BUILD)/libdaemon.a $(BUILD)/libgpioevent.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/gpioctl: $(call obj,$(GPIOCTL_SRC)) $(BUILD)/libgpioevent.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

$(BUILD)/examples/%: client/examples/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $<

# Each tests/unit/NAME.c is a program of its own, but for what they share.
TEST_SHARED := tests/unit/gpiosim.c tests/unit/left.c tests/unit/rig.c
$(BUILD)/obj/tests/%.o: TEST_CFLAGS = $(CHECK_CFLAGS)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(filter-out $(TEST_SHARED),$(wildcard tests/unit/*.c)))
$(BUILD)/tests/unit/backend: $(call obj,tests/unit/gpiosim.c)
$(BUILD)/tests/unit/holders: $(call obj,client/gpioctl/holders.c)
# A whole daemon in the test's process, whose sends and allocations are the test's.
RIGGED := $(addprefix $(BUILD)/tests/unit/,claim interlock access adopt event gather kill line memory output peer_in peer_out reload \
	request resume timer uncounted use watch)
$(RIGGED): $(call obj,tests/unit/rig.c)
$(BUILD)/tests/unit/adopt $(BUILD)/tests/unit/kill $(BUILD)/tests/unit/resume $(BUILD)/tests/unit/uncounted: $(call obj,tests/unit/left.c)
# With 64-bit times on a 32-bit machine sendmsg is __sendmsg64.
WRAPPED := send sendmsg __sendmsg64 malloc calloc realloc reallocarray strdup
$(RIGGED): override LDFLAGS += $(WRAPPED:%=-Wl,--wrap=%)
# The same, of getsockopt.
$(BUILD)/tests/unit/access: override LDFLAGS += -Wl,--wrap=getsockopt,--wrap=__getsockopt64,--wrap=accept4,--wrap=bind
$(BUILD)/tests/unit/uncounted: override LDFLAGS += -Wl,--wrap=request_fd_read
$(BUILD)/tests/unit/adopt: override LDFLAGS += -Wl,--wrap=kept_put,--wrap=kept_drop
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libdaemon.a $(BUILD)/libgpioevent.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(DAEMON_LIBS) $(CHECK_LIBS)

# make would delete the objects of the tests as mere intermediates.
.SECONDARY: $(call obj,$(wildcard tests/unit/*.c))

check-unit: $(UNIT_TESTS)
	@tools/run-unit $(UNIT_TESTS)

VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
check-valgrind: $(UNIT_TESTS)
	@UNDER="$(VALGRIND)" CK_TIMEOUT_MULTIPLIER=20 tools/run-unit $(UNIT_TESTS)

# The daemon itself under valgrind, through the integration tests; they wait ten times as long.
check-valgrind-session: all $(BUILD)/protocol.json
	@$(PYTHON) tests/integration/run.py --build $(BUILD) --wrapper "$(VALGRIND)"

check-integration: all $(BUILD)/protocol.json
	@$(PYTHON) tests/integration/run.py --build $(BUILD)

# Typed by itself it installs and builds, as check does.
check-kernel:
	@tools/deps install build test lab
	@$(SUBMAKE) run-kernel
run-kernel: all $(BUILD)/protocol.json $(BUILD)/tests/unit/backend
	@PYTHON='$(PYTHON)' BUILD=$(BUILD) tests/kernel/run

# Under a real systemd, as a package, with the kernel's lines; typed by itself it installs and builds, too.
NEWER := $(VERSION)+newer
DEB = build/gpioeventd_$(1)_$(shell dpkg --print-architecture).deb
check-system:
	@tools/deps install build test lab system package
	@$(SUBMAKE) run-system
run-system: $(BUILD)/protocol.json
	@+$(SUBMAKE) -s deb
	@+$(SUBMAKE) -s deb PACKAGE=build/package-newer VERSION=$(NEWER)
	@GPIOEVENTD_TEST_BUILD=/host$(CURDIR)/$(BUILD) tests/system/run $(call DEB,$(VERSION)) $(call DEB,$(NEWER)) $(TESTS)

# What follows from the protocol's table. Built by itself, since it needs no library.
DOC_SRC := tools/protocol-doc.c client/lib/duration.c client/lib/jsonw.c client/lib/utf8.c
$(BUILD)/protocol-doc: $(DOC_SRC) client/lib/wire.def $(wildcard client/lib/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O1 $(WARNINGS) -D_GNU_SOURCE -Iclient/lib -o $@ $(DOC_SRC)
$(BUILD)/docs/protocol.md: $(BUILD)/protocol-doc docs/protocol.in.md
	@mkdir -p $(@D)
	@$< markdown docs/protocol.in.md >$@
$(BUILD)/docs/wire.dict: $(BUILD)/protocol-doc
	@mkdir -p $(@D)
	@$< dict >$@
$(BUILD)/protocol.json: $(BUILD)/protocol-doc
	@$< json >$@

docs: $(BUILD)/docs/protocol.md $(BUILD)/docs/wire.dict
	cp $(BUILD)/docs/protocol.md docs/protocol.md
	cp $(BUILD)/docs/wire.dict tests/fuzz/wire.dict
check-docs: $(BUILD)/docs/protocol.md $(BUILD)/docs/wire.dict
	@diff -u docs/protocol.md $(BUILD)/docs/protocol.md && \
		diff -u tests/fuzz/wire.dict $(BUILD)/docs/wire.dict || \
		{ echo "stale: run 'make docs'"; echo '0 passed, 1 failed'; exit 1; }
	@echo '1 passed, 0 failed'

# What follows from the configuration's table. Built by itself, since it needs no library.
CONFIG_DOC_SRC := tools/config-doc.c $(addprefix daemon/config_,chips.c print.c table.c value.c) \
	$(addprefix client/lib/,duration.c nearest.c utf8.c)
CONFIG_DOCS := config/gpioeventd.conf docs/configuration.md tests/fuzz/config.dict
.PHONY: docs-config check-docs-config
$(BUILD)/config-doc: $(CONFIG_DOC_SRC) daemon/config.def client/lib/wire.def $(wildcard daemon/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O1 $(WARNINGS) -D_GNU_SOURCE -Idaemon -Iclient/lib -o $@ $(CONFIG_DOC_SRC)
$(BUILD)/generated: $(BUILD)/config-doc
	@mkdir -p $(addprefix $@/,$(dir $(CONFIG_DOCS)))
	@$< reference >$@/config/gpioeventd.conf
	@$< markdown >$@/docs/configuration.md
	@$< dict >$@/tests/fuzz/config.dict
	@touch $@
docs-config: $(BUILD)/generated
	@for file in $(CONFIG_DOCS); do cp $</$$file $$file || exit 1; done
check-docs-config: $(BUILD)/generated
	@for file in $(CONFIG_DOCS); do diff -u $$file $</$$file || \
		{ echo "$$file is stale: run 'make docs'"; echo '0 passed, 1 failed'; exit 1; }; done
	@echo '1 passed, 0 failed'
docs: docs-config
.PHONY: check-readme
check-readme:
	@tools/check-readme
check-docs: check-docs-config check-readme

# Each tests/fuzz/NAME.c for ten seconds, from the examples in the tree.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 10
FUZZ_SRC_config := $(wildcard daemon/config*.c) $(addprefix daemon/,board.c ini_file.c names.c problems.c)
$(BUILD)/fuzz/config: $(FUZZ_SRC_config) daemon/config.def $(wildcard daemon/*.h)
$(BUILD)/fuzz/%: tests/fuzz/%.c $(LIB_SRC) $(wildcard client/lib/*.h) client/lib/wire.def
	@mkdir -p $(@D)
	clang $(filter-out -O% -fPIE -D_FORTIFY_SOURCE%,$(CFLAGS)) -O1 -fno-omit-frame-pointer \
		-fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_SRC_$*) $(LIB_SRC) $(DAEMON_LIBS)
fuzz-smoke: $(BUILD)/protocol-doc
	@if echo 'int LLVMFuzzerTestOneInput(void){return 0;}' | clang -fsanitize=fuzzer -x c -o /dev/null - \
		2>/dev/null; then $(MAKE) --no-print-directory $(FUZZERS) run-fuzzers; \
	else echo "skipped: clang with libFuzzer is not installed"; fi
run-fuzzers: $(FUZZERS)
	@mkdir -p $(addsuffix .corpus,$(FUZZERS))
	@$(BUILD)/protocol-doc seeds $(BUILD)/fuzz/wire.corpus
	@cp config/gpioeventd.conf config/examples/*.conf $(BUILD)/fuzz/config.corpus
	@for fuzzer in $(FUZZERS); do \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -max_len=70000 -print_final_stats=0 -verbosity=0 -print_pcs=0 \
			-dict=tests/fuzz/$$(basename $$fuzzer).dict -artifact_prefix=$$fuzzer. \
			$$fuzzer.corpus || exit 1; \
		echo "  $$(basename $$fuzzer) $(FUZZ_SECONDS) s without a finding"; \
	done

# What a user types first, so each installs what it needs before make may ask for it.
deps:
	@tools/deps install

SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

demo:
	@tools/deps install build demo
	@$(SUBMAKE) run-demo
bench:
	@tools/deps install build lab bench
	@$(SUBMAKE) run-bench
run-demo: all
	@tools/demo --build $(BUILD)

# BENCH=quick, or the names of rows (tests/bench/main.c).
BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,bench bare kernel_reader)
BENCH_SRC := $(filter-out %/bare.c %/kernel_reader.c,$(wildcard tests/bench/*.c))
$(BUILD)/tests/bench/bench: $(call obj,$(BENCH_SRC)) $(BUILD)/libdaemon.a $(BUILD)/libgpioevent.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $<
run-bench: all $(BENCH_PROGRAMS)
	@$(BUILD)/tests/bench/bench $(BUILD) $(BENCH)

# Another version of clang-format would want other line breaks; the machine of check-kernel is an
# amd64 one and runs the host's programs.
FORMATTER = $(findstring version 14.,$(shell clang-format --version 2>/dev/null))
QUICK_STEPS = $(if $(FORMATTER),format-check) check-unit check-integration check-units check-docs
STEPS = $(QUICK_STEPS) 'VARIANT=asan check-unit' 'VARIANT=asan check-integration' \
	'VARIANT=debug check-valgrind' 'VARIANT=debug check-valgrind-session' \
	$(if $(filter x86_64,$(shell uname -m)),check-kernel check-system)

check-quick:
	@tools/tally '$(SUBMAKE)' $(QUICK_STEPS)
check:
	@tools/deps install build test lab system package
	@tools/tally '$(SUBMAKE)' $(STEPS)

include tools/install.mk

clean:
	rm -rf build

help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' Makefile

FORMATTED := $(wildcard daemon/*.[ch] client/lib/*.[ch] client/gpioctl/*.[ch] tools/*.c \
	tests/unit/*.[ch] tests/fuzz/*.c tests/bench/*.[ch])
format:
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run --Werror $(FORMATTED)
	@echo '1 passed, 0 failed'

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

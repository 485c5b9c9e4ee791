# gpioeventd: build, test, install.
#
#   make                 the daemon and gpioctl, in build/
#   make deps            installs what the build and the tests need (Debian, Raspberry Pi OS, Ubuntu)
#   make demo            a simulated board, a button and an LED, through an ordinary client
#   make check           every test: unit, integration, the same on a real kernel's GPIO lines
#   make bench           measures; prints ratios and writes build/bench.json
#   make install         DESTDIR= PREFIX=/usr/local
#
# VARIANT=debug|asan|coverage builds into build/VARIANT; WERROR=1 makes warnings errors;
# SYSTEMD=no builds without libsystemd.

VARIANT ?= release
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
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
LIBLESS := deps clean help demo check check-quick check-kernel bench format format-check uninstall
ifneq ($(filter-out $(LIBLESS),$(or $(MAKECMDGOALS),all)),)
include tools/libraries.mk
endif

override CFLAGS := -std=gnu11 $(CFLAGS_$(VARIANT)) $(WARNINGS) -fno-common -fPIE -D_GNU_SOURCE \
	-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Idaemon -Iclient/lib -I. \
	-DGPIOEVENTD_VERSION='"$(VERSION)"' -DDATADIR='"$(PREFIX)/share/gpioeventd"' \
	-DSYSCONFDIR='"$(SYSCONFDIR)"' $(LIB_CFLAGS) $(CFLAGS)
override LDFLAGS := -pie -Wl,-z,relro,-z,now $(filter -fsanitize% --coverage,$(CFLAGS_$(VARIANT))) $(LDFLAGS)

# A part that the machine may lack is a second file with the same functions.
SYSTEMD ?= yes
NOTIFY := $(if $(filter no,$(SYSTEMD)),daemon/notify-none.c,daemon/notify-systemd.c)

LIB_SRC    := $(wildcard client/lib/*.c)
DAEMON_SRC := $(filter-out daemon/main.c daemon/notify-%.c,$(wildcard daemon/*.c)) $(NOTIFY)
GPIOCTL_SRC := $(wildcard client/gpioctl/*.c)
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

.PHONY: all deps demo check check-quick check-unit check-integration check-kernel check-docs bench \
	docs install uninstall clean format format-check help
all: $(BUILD)/gpioeventd $(BUILD)/gpioctl

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libgpioevent.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(BUILD)/libdaemon.a: $(call obj,$(DAEMON_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/gpioeventd: $(BUILD)/obj/daemon/main.o $(BUILD)/libdaemon.a $(BUILD)/libgpioevent.a
	$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/gpioctl: $(call obj,$(GPIOCTL_SRC)) $(BUILD)/libgpioevent.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

# Each tests/unit/NAME.c is a program of its own.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libdaemon.a $(BUILD)/libgpioevent.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS) $(CHECK_LIBS)

check-unit: $(UNIT_TESTS)
	@tools/run-unit $(UNIT_TESTS)

check-kernel:
	@tests/kernel/run

deps:
	@tools/deps install

clean:
	rm -rf build

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

FORMATTED := $(wildcard daemon/*.[ch] client/lib/*.[ch] client/gpioctl/*.[ch] tests/unit/*.[ch] tests/bench/*.[ch])
format:
	clang-format -i $(FORMATTED)
format-check:
	clang-format --dry-run --Werror $(FORMATTED)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

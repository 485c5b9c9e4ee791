# SPDX-License-Identifier: MIT
# The compiler and the libraries, asked of pkg-config; what is missing or old ends make with what
# to do. Check is asked for only by the goals that build unit tests.

ifeq ($(shell command -v $(firstword $(CC)) 2>/dev/null),)
$(error the compiler '$(CC)' is not installed: run 'make deps')
endif
ifeq ($(shell command -v pkg-config 2>/dev/null),)
$(error pkg-config is not installed: run 'make deps')
endif

# Where libgpiod 1 has to stay, tools/deps has unpacked version 2 for this tree.
PKG_CONFIG := pkg-config
ifneq ($(shell pkg-config --atleast-version=2.0 libgpiod && echo yes),yes)
PKG_CONFIG := PKG_CONFIG_PATH=$(abspath $(wildcard .deps/libgpiod/usr/lib/*/pkgconfig)):$$PKG_CONFIG_PATH pkg-config
endif

check_pkg := $(if $(filter check-unit check-valgrind run-kernel $(BUILD)/tests/% $(BUILD)/obj/tests/%,$(MAKECMDGOALS)),check)
daemon_pkgs := libgpiod inih libcjson $(if $(filter no,$(SYSTEMD)),,libsystemd)

missing_libs := $(strip $(foreach lib,$(daemon_pkgs) $(check_pkg),$(shell $(PKG_CONFIG) --exists $(lib) || echo $(lib))))
ifneq ($(missing_libs),)
$(error missing libraries: $(missing_libs): run 'make deps')
endif
ifneq ($(shell $(PKG_CONFIG) --atleast-version=2.0 libgpiod && echo yes),yes)
$(error libgpiod $(shell $(PKG_CONFIG) --modversion libgpiod) is installed, but version 2.0 or later is needed: run 'make deps' (on Debian 12 it comes from bookworm-backports))
endif

LIB_CFLAGS   := $(shell $(PKG_CONFIG) --cflags $(daemon_pkgs))
DAEMON_LIBS  := $(shell $(PKG_CONFIG) --libs $(daemon_pkgs))
CLIENT_LIBS  := $(shell $(PKG_CONFIG) --libs libcjson)
CHECK_CFLAGS := $(if $(check_pkg),$(shell $(PKG_CONFIG) --cflags check))
CHECK_LIBS   := $(if $(check_pkg),$(shell $(PKG_CONFIG) --libs check))

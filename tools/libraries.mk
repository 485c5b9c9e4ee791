# SPDX-License-Identifier: MIT
# The compiler and the libraries, asked of pkg-config; what is missing or old ends make with what
# to do. Check is asked for only by the goals that build unit tests.

ifeq ($(shell command -v $(firstword $(CC)) 2>/dev/null),)
$(error the compiler '$(CC)' is not installed: run 'make deps')
endif
ifeq ($(shell command -v pkg-config 2>/dev/null),)
$(error pkg-config is not installed: run 'make deps')
endif

check_pkg := $(if $(filter check-unit check-valgrind $(BUILD)/tests/% $(BUILD)/obj/tests/%,$(MAKECMDGOALS)),check)
daemon_pkgs := libgpiod inih libcjson $(if $(filter no,$(SYSTEMD)),,libsystemd)

missing_libs := $(strip $(foreach lib,$(daemon_pkgs) $(check_pkg),$(shell pkg-config --exists $(lib) || echo $(lib))))
ifneq ($(missing_libs),)
$(error missing libraries: $(missing_libs): run 'make deps')
endif
ifneq ($(shell pkg-config --atleast-version=2.0 libgpiod && echo yes),yes)
$(error libgpiod $(shell pkg-config --modversion libgpiod) is installed, but version 2.0 or later is needed: run 'make deps' (on Debian 12 it comes from bookworm-backports))
endif

LIB_CFLAGS   := $(shell pkg-config --cflags $(daemon_pkgs))
DAEMON_LIBS  := $(shell pkg-config --libs $(daemon_pkgs))
CLIENT_LIBS  := $(shell pkg-config --libs libcjson)
CHECK_CFLAGS := $(if $(check_pkg),$(shell pkg-config --cflags check))
CHECK_LIBS   := $(if $(check_pkg),$(shell pkg-config --libs check))

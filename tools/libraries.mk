# The libraries, asked of pkg-config; a missing or old one ends make with what to do.

ifeq ($(shell command -v pkg-config 2>/dev/null),)
$(error pkg-config is not installed: run 'make deps')
endif
missing_libs := $(strip $(foreach lib,libcjson inih check libgpiod $(if $(filter no,$(SYSTEMD)),,libsystemd),\
	$(shell pkg-config --exists $(lib) || echo $(lib))))
ifneq ($(missing_libs),)
$(error missing libraries: $(missing_libs): run 'make deps')
endif
ifneq ($(shell pkg-config --atleast-version=2.0 libgpiod && echo yes),yes)
$(error libgpiod $(shell pkg-config --modversion libgpiod) is installed, but version 2.0 or later is needed: run 'make deps' (on Debian 12 it comes from bookworm-backports))
endif

daemon_pkgs := libgpiod inih libcjson $(if $(filter no,$(SYSTEMD)),,libsystemd)
LIB_CFLAGS  := $(shell pkg-config --cflags $(daemon_pkgs) check)
DAEMON_LIBS := $(shell pkg-config --libs $(daemon_pkgs))
CLIENT_LIBS := $(shell pkg-config --libs libcjson)
CHECK_LIBS  := $(shell pkg-config --libs check)

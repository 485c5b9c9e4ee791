# SPDX-License-Identifier: MIT
"""Connections of other users: the kernel tells the daemon who is effective at connect()."""

import contextlib
import os
import unittest

PANEL, STAFF, NOBODY = 20001, 20002, 20003  # users that no machine has
OPERATORS, VIEWERS = 30001, 30002           # groups, likewise

as_root = unittest.skipUnless(os.geteuid() == 0, "only root can connect as other users")


@contextlib.contextmanager
def becomes(uid, gid=None, groups=()):
    """A context in which this process is that user as far as the kernel asks."""
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def let_in(daemon):
    """The folder of a test's daemon is its own; other users must get to the socket in it."""
    os.chmod(daemon.directory, 0o755)

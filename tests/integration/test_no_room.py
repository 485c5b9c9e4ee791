# SPDX-License-Identifier: MIT
"""No room where the sockets are: a file system of the test's own, in a mount namespace, with as many files as it says."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, TIMEOUT, WRAPPER, Client, TestCase, only, wait_until

CONFIG = """
[daemon]
backend = sim

[chip gpiochip0]
lines = 4

[line relay]
line = gpiochip0:0
direction = output
initial = 1
"""


class Room:
    """A namespace where `folder` is a file system for `files` more files; without `folder` it is /run."""

    def __init__(self, files, folder):
        self.folder = folder
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o nr_inodes=%d none %s && echo && exec cat" %
             (files + 1, folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.works = self.holder.stdout.read(1) == b"\n"

    def command(self, *words):
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "--"] + list(words)

    def path(self, name=""):
        """A file of it as those outside see it."""
        return "/proc/%d/root%s/%s" % (self.holder.pid, self.folder, name)

    def files(self):
        return sorted(os.listdir(self.path()))

    def fill(self):
        for number in range(1000):
            try:
                open(self.path("full-%d" % number), "x").close()
            except OSError:
                return
        raise AssertionError("it is never full")

    def close(self):
        self.holder.communicate()


@only("sim", "the sockets are the same")
@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare") and shutil.which("nsenter"),
                     "needs root and a mount namespace")
class NoRoom(TestCase):
    CONFIG = None

    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="gpioeventd-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.config_path = os.path.join(self.directory, "gpioeventd.conf")
        self.configure(CONFIG)

    def configure(self, text):
        with open(self.config_path, "w") as f:
            f.write(text)

    def room(self, files, folder=None):
        if folder is None:
            folder = os.path.join(self.directory, "room")
            os.mkdir(folder)
        room = Room(files, folder)
        self.addCleanup(room.close)
        if not room.works:
            self.skipTest("no mount namespace here")
        return room

    def command(self, room, *args):
        return room.command(*WRAPPER, os.path.join(os.path.abspath(BUILD), "gpioeventd"), "--config", self.config_path, *args)

    def assert_refused(self, room, path, *args):
        """It ends with 1, says which path and what to do, and has not begun to serve."""
        done = subprocess.run(self.command(room, *args), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(" %s cannot be made: No space left on device; make room in its folder" % path, done.stderr)
        self.assertIn("df -i", done.stderr)
        self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)

    def start_in(self, room):
        """A daemon that serves, and its process."""
        process = subprocess.Popen(self.command(room, "--socket", room.folder + "/s"), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def connect():
            try:
                return Client(room.path("s"))
            except OSError:
                self.assertIsNone(process.poll(), "it ended")
                return None
        client = wait_until(connect, "it serves")
        self.clients.append(client)
        return client, process

    def test_without_room_for_the_lock_it_says_where_and_leaves_nothing(self):
        room = self.room(0)
        self.assert_refused(room, room.folder + "/s.lock", "--socket", room.folder + "/s")
        self.assertEqual([], room.files())

    # The lock stays, as after every end: were it removed, two daemons could each hold one.
    def test_without_room_for_the_socket_it_says_where_and_leaves_no_socket(self):
        room = self.room(1)
        self.assert_refused(room, room.folder + "/s", "--socket", room.folder + "/s")
        self.assertEqual(["s.lock"], room.files())

    def test_without_room_for_the_folder_it_says_where_and_leaves_nothing(self):
        room = self.room(0, "/run")
        self.assert_refused(room, "/run/gpioeventd")
        self.assertEqual([], room.files())

    def test_as_soon_as_there_is_room_it_starts(self):
        room = self.room(2)
        room.fill()
        self.assert_refused(room, room.folder + "/s.lock", "--socket", room.folder + "/s")
        for name in room.files():
            os.unlink(room.path(name))
        client, _ = self.start_in(room)
        self.assertEqual({"relay": 1}, client.request("get", line="relay")["values"])

    def test_a_further_socket_without_room_is_told_and_the_others_serve(self):
        room = self.room(3)
        self.configure(CONFIG + "[socket box]\npath = %s/box\n" % room.folder)
        client, _ = self.start_in(room)
        client.request("ping")
        self.assertEqual(["box.lock", "s", "s.lock"], room.files())

    def test_a_reload_needs_no_room(self):
        room = self.room(8)
        client, _ = self.start_in(room)
        room.fill()
        self.configure(CONFIG + "[line new]\nline = gpiochip0:1\n")
        self.assertIn("new", json.dumps(client.request("reload")))
        client.request("get", line="new")

    def test_a_restart_after_a_kill_needs_no_more_room_than_there_was(self):
        room = self.room(8)
        _, process = self.start_in(room)
        room.fill()
        process.kill()
        process.wait()
        client, _ = self.start_in(room)
        client.request("ping")

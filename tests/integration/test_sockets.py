# SPDX-License-Identifier: MIT
"""Further sockets, each for rules of its own: made by the daemon, or handed over by the service manager."""

import json
import os
import signal
import socket
import stat

import manager
import user
from harness import BUTTONS_AND_LEDS, Client, TestCase
from user import NOBODY, OPERATORS, becomes

RULES = """
[access staff]
groups = 30001
lines = *
verbs = configure

[access box]
users = *
sockets = box
lines = button led
verbs = watch set
"""


class Case(TestCase):
    DAEMON = "socket-mode = 0666"
    RULES = RULES

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.daemon.directory, "box")

    def start(self, config="", **settings):
        directory = self.make_directory()
        section = "[socket box]\npath = %s/box/socket\nmode = 0666\n" % directory
        started = super().start(config + section + self.RULES, directory=directory, **settings)
        started.owns_directory = True
        user.let_in(started)
        return started

    def make_directory(self):
        import tempfile
        directory = tempfile.mkdtemp(prefix="gpioeventd-")
        os.mkdir(os.path.join(directory, "box"))
        return directory

    def connect_box(self, uid=0, gid=0, groups=()):
        with becomes(uid, gid, groups):
            client = Client(os.path.join(self.folder, "socket"))
        self.clients.append(client)
        return client


@user.as_root
class Sockets(Case):
    def test_each_socket_has_its_rules(self):
        box = self.connect_box(NOBODY, NOBODY)
        self.assertEqual(["see", "watch", "set"], box.request("hello")["access"])
        box.request("set", line="led", value=1)
        box.refuse("set", "unknown-line", line="relay", value=1)
        with becomes(NOBODY, NOBODY):
            self.assertEqual([], self.connect().request("hello")["access"])

    # In a container root may be root here, and in any group that it likes.
    def test_root_and_any_group_have_what_the_socket_gives_and_no_more(self):
        for box in (self.connect_box(), self.connect_box(0, OPERATORS, (OPERATORS,))):
            self.assertEqual(["see", "watch", "set"], box.request("hello")["access"])
            self.assertEqual({"button", "led"}, {line["line"] for line in box.request("lines")["lines"]})
            box.refuse("request", "denied", line="led", direction="output")

    def test_a_socket_has_its_mode_and_goes_with_the_daemon(self):
        path = os.path.join(self.folder, "socket")
        self.assertEqual(0o666, stat.S_IMODE(os.stat(path).st_mode))
        self.daemon.stop()
        self.assertFalse(os.path.exists(path))

    def test_a_client_of_one_socket_gets_the_events_that_one_of_the_other_causes(self):
        box, root = self.connect_box(), self.connect()
        box.request("subscribe", lines="*")
        root.request("set", values={"led": 1, "relay": 1})
        self.assertEqual(["led"], [event["line"] for event in box.drain()])


@user.as_root
class WithoutRules(Case):
    RULES = ""

    def test_who_may_see_nothing_is_told_of_a_reload_without_names(self):
        box, root = self.connect_box(), self.connect()
        for client in (box, root):
            client.request("subscribe", lines="*")
        with open(self.daemon.config_path, "a") as f:
            f.write("\n[line hush]\nline = FREE0\ndirection = output\n")
        root.request("reload")
        self.assertNotIn("hush", json.dumps(box.wait_for(event="config")))


@user.as_root
class ServedByAnother(Case):
    ERRORS_ALLOWED = True

    def make_directory(self):
        directory = super().make_directory()
        self.other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.other.close)
        self.other.bind(os.path.join(directory, "box", "socket"))
        return directory

    def test_a_socket_of_another_type_that_somebody_serves_is_left_alone(self):
        self.assertIn("another program serves", self.daemon.stderr())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"here", os.path.join(self.folder, "socket"))
        self.assertEqual(b"here", self.other.recv(10))
        self.connect().request("ping")


class FolderMissing(TestCase):
    CONFIG = BUTTONS_AND_LEDS + "[socket box]\npath = /tmp/gpioeventd-no-such-folder/socket\n"
    ERRORS_ALLOWED = True

    def test_a_socket_that_cannot_be_made_is_told_and_the_others_serve(self):
        self.assertIn("/tmp/gpioeventd-no-such-folder", self.daemon.stderr())
        self.connect().request("ping")


class HandedOver(manager.Case):
    CONFIG = BUTTONS_AND_LEDS + "[socket box]\n" + RULES
    ERRORS_ALLOWED = True

    def hand_over(self, name, given):
        self.end()
        self.manager.put(name, given.detach())
        self.begin()

    def open_files(self):
        folder = "/proc/%d/fd" % self.daemon.pid
        return [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]

    def listening(self):
        path = os.path.join(self.daemon.directory, "handed-over")
        given = socket.socket(socket.AF_UNIX)
        given.bind(path)
        os.chmod(path, 0o640)
        given.listen()
        return path, given

    def connect_at(self, path):
        client = Client(path)
        self.clients.append(client)
        return client

    def test_a_socket_is_known_by_its_name_and_left_as_it_is(self):
        path, given = self.listening()
        self.hand_over("box", given)
        self.assertEqual(["see", "watch", "set"], self.connect_at(path).request("hello")["access"])
        self.assertEqual(0o640, stat.S_IMODE(os.stat(path).st_mode))
        self.end(signal.SIGTERM)
        self.assertTrue(os.path.exists(path))
        self.begin()
        self.connect_at(path).request("ping")

    def test_what_is_no_listening_stream_socket_is_told_and_closed(self):
        tcp, pair = socket.socket(socket.AF_INET), socket.socketpair()
        self.addCleanup(pair[1].close)
        tcp.listen()
        for given in (tcp, pair[0], socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)):
            with self.subTest(given=given):
                inode = os.fstat(given.fileno()).st_ino
                self.hand_over("box", given)
                self.assertIn("no listening Unix stream socket", self.daemon.log_of_this_life())
                self.assertNotIn("socket:[%d]" % inode, self.open_files())
                self.connect().request("ping")

    def test_a_socket_that_nobody_hands_over_and_has_no_path_is_told(self):
        self.assertIn("the socket box was not handed over", self.daemon.stderr())
        self.connect().request("ping")

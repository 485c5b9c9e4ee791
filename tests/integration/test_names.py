# SPDX-License-Identifier: MIT
"""Rules 10 and 11: every spelling of a line, its canonical name, and names that do not decide."""

import board
from harness import BACKEND, TestCase


class Names(TestCase):
    def canonical(self, client, written):
        reply = client.request("lines", line=written)
        self.assertEqual(1, len(reply["lines"]))
        return reply["lines"][0]["line"]

    def test_the_alias_is_canonical_however_the_line_is_written(self):
        client = self.connect()
        chip = self.board.chip_name()
        for written in ("button", "IN0", chip + ":0", "board-a:0"):
            self.assertEqual("button", self.canonical(client, written))

    def test_a_kernel_name_that_is_unique_is_canonical_without_an_alias(self):
        client = self.connect()
        for written in ("FREE3", self.board.spelling("FREE3"), "board-a:19"):
            self.assertEqual("FREE3", self.canonical(client, written))
        self.assertEqual("B1", self.canonical(client, self.board.spelling("B1", board.B)))

    def test_chip_and_offset_are_canonical_without_a_name_of_its_own(self):
        client = self.connect()
        a, b = self.board.chip_name(board.A), self.board.chip_name(board.B)
        for written, name in (("board-a:30", a + ":30"), (a + ":31", a + ":31"), ("board-b:0", b + ":0"),
                              ("board-a:28", a + ":28"), (a + ":29", a + ":29")):
            self.assertEqual(name, self.canonical(client, written))

    def test_an_ambiguous_name_is_refused_with_its_candidates(self):
        client = self.connect()
        error = client.refuse("get", "ambiguous-line", line="DUP")
        a, b = self.board.chip_name(board.A), self.board.chip_name(board.B)
        self.assertEqual({a + ":28", a + ":29", b + ":0"}, set(error["candidates"]))
        self.assertEqual("DUP", error["line"])
        for op, rest in (("set", {"value": 1}), ("subscribe", {}), ("request", {}), ("toggle", {}), ("lines", {})):
            client.refuse(op, "ambiguous-line", line="DUP", **rest)

    def test_an_unknown_name_suggests_the_nearest(self):
        client = self.connect()
        error = client.refuse("get", "unknown-line", line="buton")
        self.assertEqual("buton", error["line"])
        self.assertIn('"button"', error["message"])

    def test_names_are_compared_exactly(self):
        client = self.connect()
        for written in ("Button", "BUTTON", "in0", "button ", " button", "IN", "IN00", "board-a:00x", "board-a:32",
                        "board-a:-1", "board-a:", ":0", "BOARD-A:0", "board-a:4294967296"):
            client.refuse("get", "unknown-line", line=written)

    def test_events_use_the_canonical_name_and_replies_the_written_one(self):
        client = self.connect()
        spelling = self.board.spelling("IN0")
        reply = client.request("subscribe", line=spelling)
        self.assertEqual({spelling: 1}, reply["values"])
        self.assertEqual({spelling: "button"}, reply["names"])
        self.board.press("IN0", 0)
        client.expect(event="edge", line="button")
        self.assertEqual({"board-a:8": 1}, client.request("set", line="board-a:8", value=1)["values"])
        self.assertEqual(["led"], client.request("set", line="OUT0", value=0)["changed"])

    def test_one_line_in_two_spellings_is_one_line(self):
        client = self.connect()
        reply = client.request("get", lines=["led", "OUT0", "board-a:8"])
        self.assertEqual({"led": "led", "OUT0": "led", "board-a:8": "led"}, reply["names"])
        client.request("subscribe", line="led")
        reply = client.request("set", values={"led": 1, "OUT0": 1})
        self.assertEqual(["led"], reply["changed"])
        client.expect(event="output", line="led", value=1)
        client.expect_nothing()

    def test_an_alias_of_request_is_a_name_on_this_connection_only(self):
        client, other = self.connect(), self.connect()
        reply = client.request("request", line="FREE0", alias="horn", direction="output", initial=0)
        self.assertEqual("FREE0", reply["lines"][0]["line"])
        self.assertEqual({"horn": 1}, client.request("set", line="horn", value=1)["values"])
        self.assertEqual({"horn": "FREE0"}, client.request("get", line="horn")["names"])
        other.refuse("get", "unknown-line", line="horn")
        client.request("subscribe", line="horn")
        other.request("set", line="FREE0", value=0)
        client.expect(event="output", line="FREE0", value=0)

    def test_names_of_64_bytes_are_looked_up_and_longer_ones_refused(self):
        client = self.connect()
        client.refuse("get", "unknown-line", line="x" * 64)
        client.refuse("get", "unknown-line", line="ä" * 32)
        for written in ("x" * 65, "ä" * 33, ""):
            client.refuse("get", "out-of-range", line=written)


class HeaderNames(TestCase):
    """Names of the header need a board map: the chip bears the label of a Raspberry Pi 4's."""

    CONFIG = None

    def setUp(self):
        super().setUp()
        self.board.close()
        self.board = board.make(BACKEND, [board.numbered("pinctrl-bcm2711", 58, "GPIO")])
        self.addCleanup(self.board.close)

    def names_of(self, client, offset, *spellings):
        for written in spellings:
            line = client.request("lines", line=written)["lines"][0]
            self.assertEqual(offset, line["offset"], written)

    def test_the_map_is_found_by_the_chips_label(self):
        self.start()
        client = self.connect()
        self.names_of(client, 23, "GPIO23", "BCM23", "BOARD16", "J8:16", "WPI4", "pinctrl-bcm2711:23", "bcm23",
                      "board16", "wpi4", "j8:16")
        self.names_of(client, 17, "GPIO17", "BCM17", "BOARD11", "J8:11", "WPI0")
        self.names_of(client, 2, "BCM2", "BOARD3", "WPI8")

    def test_a_pin_without_gpio_is_unknown(self):
        self.start()
        client = self.connect()
        for written in ("BOARD1", "BOARD6", "J8:41", "BOARD0", "WPI99", "BCM58", "BCM999"):
            client.refuse("get", "unknown-line", line=written)

    def test_without_a_map_there_are_no_header_names(self):
        self.start(daemon="board = none\n")
        client = self.connect()
        self.names_of(client, 23, "GPIO23")
        for written in ("BCM23", "BOARD16", "J8:16", "WPI4"):
            client.refuse("get", "unknown-line", line=written)

    def test_a_configured_line_may_be_found_by_its_pin(self):
        self.start("[line button]\nline = BOARD16\ndirection = input\nbias = pull-up\n")
        client = self.connect()
        client.request("subscribe", line="WPI4")
        self.board.press("GPIO23", 0)
        client.expect(event="edge", line="button", value=0)

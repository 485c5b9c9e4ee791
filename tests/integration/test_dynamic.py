# SPDX-License-Identifier: MIT
"""Rules 18 to 21: lines that no configuration names, taken and given back by their users."""

from harness import ABSENT, TestCase, only


class Free(TestCase):
    def test_subscribing_takes_a_free_line_as_input_with_both_edges(self):
        client = self.connect()
        reply = client.request("subscribe", line="FREE0")
        self.assertEqual({"FREE0": 0}, reply["values"])
        self.board.press("FREE0", 1)
        client.expect(event="edge", line="FREE0", edge="rising")
        self.board.press("FREE0", 0)
        client.expect(event="edge", line="FREE0", edge="falling")
        info = client.request("lines", line="FREE0")["lines"][0]
        self.assertEqual((True, "input", "both"), (info["held"], info["direction"], info.get("edges")))

    def test_subscribing_takes_a_free_line_with_the_bias_given(self):
        client = self.connect()
        self.assertEqual({"FREE0": 1}, client.request("subscribe", line="FREE0", bias="pull-up")["values"])
        self.assertEqual("pull-up", client.request("lines", line="FREE0")["lines"][0]["bias"])

    def test_subscribing_takes_a_free_line_with_the_debounce_given(self):
        client = self.connect()
        client.request("subscribe", line="FREE0", debounce="5ms")
        self.assertEqual("5ms", client.request("lines", line="FREE0")["lines"][0]["debounce"])

    def test_a_debounced_line_reports_only_levels_that_last(self):
        client, later = self.connect(), self.connect()
        client.request("subscribe", line="FREE0", debounce="100ms")
        later.request("subscribe", line="FREE1", debounce="150ms")
        client.drain()

        def edges(levels, marker):
            """Of these levels, once there was time for the last one to last."""
            for level in levels:
                self.board.press("FREE0", level)
            self.board.press("FREE1", marker)
            later.wait_for(event="edge", line="FREE1", value=marker)
            return [(event["event"], event.get("edge"), event.get("line_seq")) for event in client.drain()]

        self.assertEqual([("edge", "rising", 1)], edges((1, 0, 1, 0, 1), 1))
        self.assertEqual([], edges((0, 1, 0, 1), 0))
        self.assertEqual(1, client.request("get", line="FREE0")["values"]["FREE0"])
        self.assertEqual([("edge", "falling", 2)], edges((0, 1, 0), 1))
        client.expect_nothing()

    def test_set_and_toggle_never_take_a_line_and_say_what_to_send(self):
        client = self.connect()
        for op, rest in (("set", {"value": 1}), ("toggle", {})):
            error = client.refuse(op, "not-requested", line="FREE0", **rest)
            self.assertEqual("FREE0", error["line"])
            self.assertIn('"op":"request"', error["message"].replace(" ", ""))
        self.assertFalse(client.request("lines", line="FREE0")["lines"][0]["held"])

    def test_get_of_a_free_input_reads_it_as_it_is_and_leaves_it_free(self):
        client = self.connect()
        self.board.press("FREE0", 1)
        reply = client.request("get", line="FREE0")
        self.assertEqual(({"FREE0": 1}, False), (reply["values"], reply["held"]))
        self.board.press("FREE0", 0)
        self.assertEqual({"FREE0": 0}, client.request("get", line="FREE0")["values"])
        self.assertFalse(client.request("lines", line="FREE0")["lines"][0]["held"])
        self.assertNotIn("held", client.request("get", line="button"))

    def test_the_star_never_takes_a_line(self):
        before = self.stats()["lines"]
        client = self.connect()
        client.request("subscribe", lines="*")
        self.assertEqual(before, self.stats()["lines"])

    def test_unsubscribing_the_last_reader_gives_the_line_back(self):
        client = self.connect()
        client.request("subscribe", line="FREE0")
        client.request("unsubscribe", line="FREE0")
        self.assertFalse(client.request("lines", line="FREE0")["lines"][0]["held"])


class Requests(TestCase):
    def info(self, client, line="FREE0"):
        return client.request("lines", line=line)["lines"][0]

    def test_an_output_begins_with_its_initial_value(self):
        client = self.connect()
        for value in (0, 1):
            reply = client.request("request", line="FREE0", direction="output", initial=value)
            self.assertEqual({"FREE0": value}, reply["values"])
            self.assertEqual(value, self.board.output_level("FREE0"))
            client.request("release", line="FREE0")

    def test_initial_keep_is_the_default_and_keeps_the_level(self):
        client = self.connect()
        for level in (1, 0):
            self.board.press("FREE0", level)
            for fields in ({}, {"initial": "keep"}):
                reply = client.request("request", line="FREE0", direction="output", **fields)
                self.assertEqual({"FREE0": level}, reply["values"])
                client.request("release", line="FREE0")

    def test_initial_is_logical(self):
        client = self.connect()
        reply = client.request("request", line="FREE0", direction="output", active_low=True, initial=1)
        self.assertEqual({"FREE0": 1}, reply["values"])
        self.assertEqual(0, self.board.output_level("FREE0"))

    def test_settings_are_as_requested(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-up", active_low=True, edges="falling")
        info = self.info(client)
        self.assertEqual(("input", "pull-up", True, "falling", 0),
                         (info["direction"], info["bias"], info["active_low"], info.get("edges"), info["value"]))
        client.request("request", line="FREE1", direction="output", drive="open-drain", initial=1)
        self.assertEqual("open-drain", self.info(client, "FREE1")["drive"])

    def test_requesting_and_releasing_are_events(self):
        watcher, client = self.connect(), self.connect()
        watcher.request("subscribe", lines="*")
        client.request("hello", client="worker")
        client.request("request", line="FREE0", direction="output", initial=1)
        event = watcher.wait_for(event="line", line="FREE0", change="requested")
        self.assertEqual(["worker"], [user["client"] for user in event["info"]["users"]])
        self.assertEqual((1, "output", True), (event["value"], event["info"]["direction"], event["info"]["held"]))
        client.close()
        event = watcher.wait_for(event="line", line="FREE0", change="released")
        self.assertEqual((None, False, []), (event["value"], event["info"]["held"], event["info"]["users"]))

    def test_several_lines_may_be_requested_at_once(self):
        client = self.connect()
        reply = client.request("request", lines=["FREE0", "FREE1"], direction="input")
        self.assertEqual(["FREE0", "FREE1"], [info["line"] for info in reply["lines"]])
        self.assertEqual({"FREE0": False, "FREE1": False}, client.request("release", lines=["FREE0", "FREE1"])["held"])

    def test_an_alias_is_of_one_line(self):
        client = self.connect()
        reply = client.ask("request", lines=["FREE0", "FREE1"], alias="x")
        self.assertEqual((False, "usage"), (reply["ok"], reply.get("error", {}).get("class")))
        self.assertFalse(self.info(client)["held"])

    def test_repeating_a_request_merges(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        client.request("request", line="FREE0", debounce="5ms")
        client.request("request", line="FREE0", active_low=True)
        info = self.info(client)
        self.assertEqual(("input", "pull-up", "5ms", True),
                         (info["direction"], info["bias"], info.get("debounce"), info["active_low"]))

    def test_null_withdraws_what_was_said(self):
        client, other = self.connect(), self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        other.refuse("request", "conflict", line="FREE0", bias="pull-down")
        client.request("request", line="FREE0", bias=None)
        other.request("request", line="FREE0", bias="pull-down")
        self.assertEqual("pull-down", self.info(client)["bias"])

    def test_another_users_different_value_is_a_conflict_and_changes_nothing(self):
        client, other = self.connect(), self.connect()
        client.request("hello", client="first")
        client.request("request", line="FREE0", direction="input", bias="pull-up", active_low=False)
        for field, value, have in (("bias", "pull-down", "pull-up"), ("direction", "output", "input")):
            error = other.refuse("request", "conflict", line="FREE0", **{field: value})
            self.assertEqual((field, have, "first"), (error["field"], error["have"], error["holder"].get("client")))
        error = other.refuse("request", "conflict", line="FREE0", active_low=True)
        self.assertEqual("active_low", error["field"])
        info = self.info(client)
        self.assertEqual(("input", "pull-up", False, 1),
                         (info["direction"], info["bias"], info["active_low"], len(info["users"])))

    def test_a_conflict_on_one_of_several_lines_takes_none(self):
        client, other = self.connect(), self.connect()
        client.request("request", line="FREE1", direction="output")
        other.refuse("request", "conflict", lines=["FREE0", "FREE1"], direction="input")
        self.assertFalse(self.info(client)["held"])

    # The lines before the one in conflict had been changed already, and the refused wish stayed.
    def test_a_conflict_on_one_of_several_lines_changes_none_of_those_one_has(self):
        one, two = self.connect(), self.connect()
        one.request("request", line="FREE0", direction="input")
        two.request("request", line="FREE1", direction="input", bias="pull-down")
        before = self.info(one)["bias"]
        error = one.refuse("subscribe", "conflict", lines=["FREE0", "FREE1"], bias="pull-up")
        self.assertEqual("FREE1", error["line"])
        self.assertEqual(before, self.info(one)["bias"])
        two.request("request", line="FREE0", direction="input", bias="pull-down")

    # A request wrote the settings into the line before it was made; when it failed they stayed, and the
    # next user, who had no opinion, drove the line.
    def test_a_failed_request_leaves_no_settings_behind(self):
        one, two = self.connect(), self.connect()
        two.request("ping")
        with self.daemon.no_descriptor_left():
            for line in ("FREE0", "FREE1"):
                one.refuse("request", "unavailable", line=line, direction="output", initial=1)
        two.request("request", line="FREE0")
        two.request("subscribe", line="FREE1")
        self.assertEqual(["input"] * 2, [self.info(two, line)["direction"] for line in ("FREE0", "FREE1")])

    # What the request had got so far was released, and with it what the daemon kept for somebody else.
    def test_a_failed_request_leaves_what_is_kept_for_another(self):
        one, two = self.connect(), self.connect()
        one.request("request", line="FREE0", direction="output", initial=1, keep=True)
        seq = two.request("subscribe", lines="*")["seq"]
        with self.daemon.no_descriptor_left():
            two.refuse("request", "unavailable", lines=["FREE0", "FREE1"], direction="output")
        self.assert_no_gap(two, seq)
        self.assertEqual(1, self.board.output_level("FREE0"))
        self.assertEqual([True], [user["keep"] for user in self.info(two)["users"] if "keep" in user])

    def test_users_who_agree_share_a_line(self):
        one, two = self.connect(), self.connect()
        one.request("request", line="FREE0", direction="output", initial=0)
        two.request("request", line="FREE0", direction="output")
        two.request("set", line="FREE0", value=1)
        self.assertEqual({"FREE0": 1}, one.request("get", line="FREE0")["values"])
        self.assertEqual(2, len(self.info(one)["users"]))

    def test_the_configuration_is_an_opinion_too(self):
        client = self.connect()
        error = client.refuse("request", "conflict", line="button", bias="pull-down")
        self.assertEqual(("bias", "pull-up"), (error["field"], error["have"]))
        client.refuse("request", "conflict", line="led", direction="input")
        client.request("request", line="button", direction="input", bias="pull-up")
        client.request("request", line="led")

    def test_direction_any_attaches_a_reader_to_the_line_as_it_is(self):
        client, owner = self.connect(), self.connect()
        owner.request("request", line="FREE0", direction="output", initial=1)
        for line, direction in (("FREE0", "output"), ("led", "output"), ("button", "input")):
            reply = client.request("request", line=line, direction="any")
            self.assertEqual(direction, reply["lines"][0]["direction"])

    def test_an_agreed_change_keeps_subscriptions_and_is_told_before_its_events(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input")
        client.request("subscribe", line="FREE0")
        client.request("request", line="FREE0", direction="output", initial=0)
        event = client.expect(event="line", line="FREE0", change="reconfigured")
        self.assertEqual("output", event["info"]["direction"])
        client.request("set", line="FREE0", value=1)
        client.wait_for(event="output", line="FREE0", value=1)
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        event = client.wait_for(event="line", line="FREE0", change="reconfigured")
        self.assertEqual("input", event["info"]["direction"])
        self.board.press("FREE0", 0)
        client.wait_for(event="edge", line="FREE0", value=0)

    # The level was read after the change: the edge that the change itself had made then found the line
    # as it left it, and was taken for one of two that had been merged.
    def test_a_bias_that_moves_the_level_is_an_edge_and_no_loss(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-down")
        client.request("subscribe", line="FREE0")
        client.request("request", line="FREE0", bias="pull-up")
        self.assertEqual({"FREE0": 1}, client.request("get", line="FREE0")["values"])
        events = client.drain()
        value = events[0]["value"]
        self.assertEqual("reconfigured", events[0]["change"])
        for event in events[1:]:
            self.assertEqual(("edge", 1 - value), (event["event"], event["value"]), event)
            value = event["value"]
        self.assertEqual(1, value)

    def test_what_does_not_change_is_no_event(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        client.request("subscribe", line="FREE0")
        client.request("request", line="FREE0", direction="input", bias="pull-up")
        client.request("request", line="FREE0", direction="input")
        client.expect_nothing()

    def test_settings_that_do_not_fit_the_direction_are_refused(self):
        client = self.connect()
        for fields in ({"direction": "input", "drive": "open-drain"}, {"direction": "output", "debounce": "5ms"},
                       {"direction": "output", "edges": "both"}, {"direction": "input", "initial": 1}):
            with self.subTest(fields=fields):
                reply = client.ask("request", line="FREE0", **fields)
                self.assertFalse(reply["ok"], reply)
                self.assertFalse(self.info(client)["held"])


class Users(TestCase):
    def held(self, line="FREE0"):
        with self.daemon.connect() as client:
            return client.request("lines", line=line)["lines"][0]["held"]

    def wait_released(self, watcher, line="FREE0"):
        return watcher.wait_for(event="line", line=line, change="released")

    def watcher(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        return client

    def test_a_line_stays_while_anybody_uses_it(self):
        watcher, one, two = self.watcher(), self.connect(), self.connect()
        one.request("request", line="FREE0", direction="input")
        two.request("subscribe", line="FREE0")
        self.assertEqual({"FREE0": True}, one.request("release", line="FREE0")["held"])
        self.board.press("FREE0", 1)
        two.expect(event="edge", line="FREE0")
        two.close()
        self.wait_released(watcher)

    def test_use_is_a_set_and_not_a_count(self):
        client = self.connect()
        for _ in range(3):
            client.request("request", line="FREE0", direction="input")
        self.assertEqual({"FREE0": False}, client.request("release", line="FREE0")["held"])
        self.assertFalse(self.held())

    def test_a_requester_who_also_subscribed_uses_it_until_both_are_over(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="input")
        client.request("subscribe", line="FREE0")
        self.assertEqual({"FREE0": True}, client.request("release", line="FREE0")["held"])
        client.request("unsubscribe", line="FREE0")
        self.assertFalse(self.held())

    def test_releasing_what_one_does_not_use_changes_nothing(self):
        client, other = self.connect(), self.connect()
        client.request("request", line="FREE0", direction="input")
        self.assertEqual({"FREE0": True}, other.request("release", line="FREE0")["held"])
        self.assertEqual({"FREE1": False}, other.request("release", line="FREE1")["held"])
        self.assertTrue(self.held())

    def test_a_line_is_given_back_when_its_users_connection_ends(self):
        watcher, client = self.watcher(), self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        client.close()
        self.wait_released(watcher)
        self.assertFalse(self.held())

    def test_keep_makes_a_line_the_daemons_until_release(self):
        before = self.stats()["connections"]
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1, keep=True)
        client.close()
        self.wait_stats(connections=before)
        self.assertTrue(self.held())
        self.assertEqual(1, self.board.output_level("FREE0"))
        other = self.connect()
        self.assertEqual({"FREE0": 0}, other.request("set", line="FREE0", value=0)["values"])
        self.assertEqual({"FREE0": False}, other.request("release", line="FREE0")["held"])
        self.assertFalse(self.held())

    # What the daemon kept for a client stood in that client's own way when it changed its mind.
    def test_who_said_keep_may_still_change_the_line(self):
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1, keep=True)
        info = client.request("request", line="FREE0", direction="input", bias="pull-up")["lines"][0]
        self.assertEqual(("input", "pull-up"), (info["direction"], info["bias"]))
        client.close()
        error = self.connect().refuse("request", "conflict", line="FREE0", direction="output")
        self.assertEqual(("direction", "input"), (error["field"], error["have"]))

    def test_on_release_hold_keeps_the_line_driven(self):
        before = self.stats()["connections"]
        client = self.connect()
        client.request("request", line="FREE0", direction="output", initial=1, on_release="hold")
        client.close()
        self.wait_stats(connections=before)
        self.assertTrue(self.held())
        self.assertEqual(1, self.board.output_level("FREE0"))

    def test_on_release_drives_its_value_and_the_daemon_keeps_the_line_so(self):
        for value in (0, 1):
            watcher, client = self.watcher(), self.connect()
            client.request("request", line="FREE0", direction="output", initial=1 - value, on_release=value)
            client.close()
            watcher.wait_for(event="output", line="FREE0", value=value, cause="release")
            self.assertEqual(value, self.board.output_level("FREE0"))
            users = watcher.request("lines", line="FREE0")["lines"][0]["users"]
            self.assertEqual([True], [user.get("keep") for user in users])
            watcher.request("release", line="FREE0")
            self.wait_released(watcher)
            watcher.close()

    def test_on_release_input_is_the_default(self):
        watcher, client = self.watcher(), self.connect()
        client.request("request", line="FREE0", direction="output", initial=1)
        client.close()
        self.wait_released(watcher)
        self.assertEqual("input", watcher.request("lines", line="FREE0")["lines"][0]["direction"])

    def test_on_release_applies_when_the_last_requester_leaves_whoever_watches(self):
        one, two, reader = self.connect(), self.connect(), self.connect()
        one.request("request", line="FREE0", direction="output", initial=1, on_release=0)
        two.request("request", line="FREE0", direction="output")
        reader.request("subscribe", line="FREE0")
        two.close()
        one.request("ping")
        one.close()
        reader.wait_for(event="output", line="FREE0", value=0, cause="release")
        self.assertTrue(reader.request("lines", line="FREE0")["lines"][0]["held"])

    def test_a_configured_line_is_never_given_back(self):
        client = self.connect()
        client.request("request", line="led")
        self.assertEqual({"led": True}, client.request("release", line="led")["held"])
        client.request("set", line="led", value=1)
        self.assertEqual(1, self.board.output_level("OUT0"))

    def test_a_line_given_back_can_be_taken_again_with_other_settings(self):
        client = self.connect()
        for direction in ("output", "input", "output"):
            client.request("request", line="FREE0", direction=direction)
            client.request("release", line="FREE0")


@only("gpiod", "the simulated lines have no other process that could hold them")
class OtherProcesses(TestCase):
    def test_a_line_held_elsewhere_is_busy_with_its_consumer(self):
        client = self.connect()
        with self.board.taken("FREE0", "elsewhere"):
            for op, rest in (("request", {"direction": "input"}), ("subscribe", {}), ("get", {}), ("set", {"value": 1})):
                error = client.refuse(op, "busy", line="FREE0", **rest)
                self.assertEqual({"consumer": "elsewhere"}, error["holder"])
            self.assertEqual("elsewhere", client.request("lines", line="FREE0")["lines"][0]["consumer"])
        client.request("request", line="FREE0", direction="input")

    def test_get_of_a_free_output_is_refused_and_does_not_touch_it(self):
        client = self.connect()
        with self.board.taken("FREE0", "elsewhere", high=True):
            pass
        self.assertEqual("output", client.request("lines", line="FREE0")["lines"][0]["direction"])
        client.refuse("get", "not-requested", line="FREE0")
        self.assertEqual("output", client.request("lines", line="FREE0")["lines"][0]["direction"])

    def test_any_attaches_to_a_free_output_and_leaves_it_one(self):
        client = self.connect()
        with self.board.taken("FREE0", "elsewhere", high=True):
            pass
        info = client.request("request", line="FREE0", direction="any")["lines"][0]
        self.assertEqual("output", info["direction"])
        client.refuse("set", "wrong-direction", line="FREE0", value=0)
        client.request("release", line="FREE0")
        self.assertEqual("output", client.request("lines", line="FREE0")["lines"][0]["direction"])

    def test_taking_and_freeing_by_another_process_are_events(self):
        client = self.connect()
        client.request("subscribe", lines="*")
        with self.board.taken("FREE0", "elsewhere"):
            event = client.wait_for(event="line", line="FREE0", change="taken")
            self.assertEqual("elsewhere", event["info"]["consumer"])
        client.wait_for(event="line", line="FREE0", change="freed")

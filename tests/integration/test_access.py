# SPDX-License-Identifier: MIT
"""Who may do what: [access] sections, as different users through a real socket."""

import json

import user
from board import A, B
from harness import BUTTONS_AND_LEDS, TestCase, only
from user import NOBODY, OPERATORS, PANEL, STAFF, VIEWERS, becomes

RULES = """
[access panel]
users = 20001
lines = button, l?d
verbs = watch set

[access staff]
users = 20002
groups = 30001
lines = board-a:*
verbs = configure

[access viewers]
groups = 30002 30003
lines = door board-a:8 FREE0
verbs = see

[access admins]
groups = 30009
verbs = admin
"""

VERBS = ("see", "watch", "set", "configure")


@user.as_root
class Case(TestCase):
    DAEMON = "socket-mode = 0666"
    CONFIG = BUTTONS_AND_LEDS + RULES

    def start(self, *args, **settings):
        daemon = super().start(*args, **settings)
        user.let_in(daemon)
        return daemon

    def connect_as(self, uid, gid=None, groups=(), **settings):
        with becomes(uid, gid, groups):
            return self.connect(**settings)


def attempt(client, verb, line):
    """Does what takes the verb; the code of the refusal, or None."""
    requests = {
        "see": ("lines", {"line": line}),
        "watch": ("subscribe", {"line": line}),
        "set": ("set", {"line": line, "value": 1}),
        "configure": ("release", {"line": line}),
    }
    op, fields = requests[verb]
    reply = client.ask(op, **fields)
    if verb == "watch" and reply["ok"]:
        client.request("unsubscribe", line=line)
    if reply["ok"]:
        return None
    # A right to set says nothing of whether the line is an output.
    return None if reply["error"]["code"] == "wrong-direction" else reply["error"]["code"]


class Table(Case):
    # (user, main group, other groups, line) -> the verbs that are allowed; hidden when there are none.
    TABLE = (
        ((0, 0, ()), "relay", "see watch set configure"),
        ((0, 0, ()), "button", "see watch set configure"),
        ((PANEL, PANEL, ()), "button", "see watch set"),
        ((PANEL, PANEL, ()), "led", "see watch set"),
        ((PANEL, PANEL, ()), "board-a:8", "see watch set"),
        ((PANEL, PANEL, ()), "OUT0", "see watch set"),
        ((PANEL, PANEL, ()), "relay", ""),
        ((PANEL, PANEL, ()), "board-a:9", ""),
        ((PANEL, PANEL, ()), "door", ""),
        ((PANEL, PANEL, (VIEWERS,)), "door", "see"),
        ((PANEL, PANEL, (VIEWERS,)), "led", "see watch set"),
        ((PANEL, PANEL, (OPERATORS,)), "relay", "see watch set configure"),
        ((STAFF, STAFF, ()), "relay", "see watch set configure"),
        ((STAFF, STAFF, ()), "board-b:0", ""),
        ((NOBODY, OPERATORS, ()), "relay", "see watch set configure"),
        ((NOBODY, NOBODY, (1, 2, OPERATORS)), "bell", "see watch set configure"),
        ((NOBODY, NOBODY, (VIEWERS,)), "door", "see"),
        ((NOBODY, NOBODY, (30003,)), "led", "see"),
        ((NOBODY, NOBODY, (VIEWERS,)), "relay", ""),
        ((NOBODY, NOBODY, (30009,)), "led", ""),
        ((NOBODY, NOBODY, ()), "led", ""),
        ((NOBODY, PANEL, ()), "led", ""),
    )

    def test_each_user_group_verb_and_line_has_what_the_rules_say(self):
        for who, line, allowed in self.TABLE:
            client = self.connect_as(*who)
            for verb in VERBS:
                expected = None if verb in allowed.split() else "denied" if allowed else "unknown-line"
                with self.subTest(who=who, line=line, verb=verb):
                    self.assertEqual(expected, attempt(client, verb, line))

    def test_hello_tells_the_verbs_of_the_connection(self):
        for who, verbs in (((0,), "see watch set configure admin"), ((PANEL,), "see watch set"),
                           ((STAFF,), "see watch set configure"), ((NOBODY,), ""),
                           ((NOBODY, NOBODY, (30009, VIEWERS)), "see admin")):
            with self.subTest(who=who):
                self.assertEqual(verbs.split(), self.connect_as(*who).request("hello")["access"])

    def test_a_line_tells_what_its_reader_may_do_unless_that_is_everything(self):
        panel = self.connect_as(PANEL)
        self.assertEqual(["see", "watch", "set"], panel.request("lines", line="led")["lines"][0]["access"])
        self.assertNotIn("access", self.connect_as(STAFF).request("lines", line="led")["lines"][0])

    def test_a_client_in_a_thousand_groups_has_what_the_last_gives(self):
        groups = tuple(range(40000, 41000)) + (OPERATORS,)
        self.connect_as(NOBODY, NOBODY, groups).request("set", line="relay", value=1)


class WithoutRules(Case):
    CONFIG = BUTTONS_AND_LEDS

    def test_whoever_can_connect_may_do_everything_but_admin(self):
        client = self.connect_as(NOBODY)
        self.assertEqual(list(VERBS), client.request("hello")["access"])
        client.request("set", line="relay", value=1)
        client.request("request", line="FREE0", direction="output", initial=0)
        client.request("subscribe", lines="*")
        self.assertNotIn("access", client.request("lines", line="led")["lines"][0])

    def test_root_is_admin(self):
        self.assertIn("admin", self.connect().request("hello")["access"])


class Denial(Case):
    def test_a_denial_names_the_rule_and_what_is_missing(self):
        error = self.connect_as(NOBODY, NOBODY, (VIEWERS,)).refuse("set", "denied", line="led", value=1)
        self.assertEqual(("led", "line", "denied"), (error["line"], error["field"], error["class"]))
        for part in ("[access viewers]", "set", "see", str(NOBODY), "gpioeventd"):
            self.assertIn(part, error["message"])

    def test_one_denial_and_nothing_is_written(self):
        client = self.connect_as(PANEL, PANEL, (VIEWERS,))
        self.assertEqual("door", client.refuse("set", "denied", values={"led": 1, "door": 1})["line"])
        client.refuse("subscribe", "denied", lines=["button", "door"])
        self.assertEqual(0, client.request("get", line="led")["values"]["led"])
        client.expect_nothing()

    def test_a_free_line_is_taken_by_who_may_configure_it_only(self):
        viewer = self.connect_as(NOBODY, NOBODY, (VIEWERS,))
        staff = self.connect_as(STAFF)
        viewer.refuse("get", "denied", line="FREE0")
        viewer.refuse("subscribe", "denied", line="FREE0")
        viewer.refuse("request", "denied", line="FREE0", direction="input")
        self.assertFalse(staff.request("lines", line="FREE0")["lines"][0]["held"])
        staff.request("request", line="FREE0", direction="input")
        viewer.request("get", line="FREE0")

    def test_a_timer_sets_what_its_user_may_set(self):
        viewer = self.connect_as(NOBODY, NOBODY, (VIEWERS,))
        viewer.refuse("arm", "denied", timer="t", after="0s", values={"led": 1})
        panel = self.connect_as(PANEL)
        panel.request("arm", timer="t", after="0s", values={"led": 1})
        panel.wait_for(event="timer", timer="t")
        self.assertEqual(1, panel.request("get", line="led")["values"]["led"])

    def test_who_may_see_nothing_gets_no_counters(self):
        error = self.connect_as(NOBODY).refuse("stats", "denied")
        self.assertIn("no [access] section", error["message"])
        self.connect_as(NOBODY).request("ping")
        self.connect_as(PANEL).request("stats")
        self.connect_as(NOBODY, NOBODY, (30009,)).request("stats")

    @only("sim", "simulates")
    def test_simulating_takes_configure(self):
        panel = self.connect_as(PANEL)
        panel.refuse("simulate", "denied", line="button", value=0)
        panel.refuse("simulate", "denied", chip=self.board.chip_name(A), present=False)
        for chip in (self.board.chip_name(B), "no-such-chip"):  # the one is hidden
            error = panel.refuse("simulate", "unknown-line", chip=chip, present=False)
            self.assertEqual("no chip is called \"%s\"" % chip, error["message"])
        self.connect_as(STAFF).request("simulate", line="button", value=0)


class Hidden(Case):
    """What a client may not see leaves no trace in anything that it is sent."""

    SECRETS = ("relay", "lamp", "bell", "door", "OUT1", "OUT2", "IN1", "IN2", "FREE", "board-b")

    def panel(self, **settings):
        return self.connect_as(PANEL, **settings)

    def assert_no_trace(self, message):
        text = json.dumps(message)
        self.assertEqual([], [secret for secret in self.SECRETS if secret in text], text)

    def test_a_hidden_line_is_unknown_like_one_that_is_not_there(self):
        panel = self.panel()
        seen, unseen = self.board.chip_name(A), self.board.chip_name(B)
        for name, absent in (("relay", "rexay"), ("OUT1", "OUT7"), (seen + ":9", seen + ":99"), ("board-a:9", "board-a:99"),
                             (unseen + ":0", unseen[:-1] + "x:0"), ("board-b:1", "board-x:1"), ("DUP", "DXP")):
            hidden = panel.refuse("get", "unknown-line", line=name)
            unknown = panel.refuse("get", "unknown-line", line=absent)
            self.assertEqual(json.dumps(unknown).replace(absent, name).replace(absent.split(":")[0], name.split(":")[0]),
                             json.dumps(hidden))

    def test_no_message_suggests_a_hidden_name(self):
        panel = self.panel()
        for name in ("rela", "OUT11", "OUT9", "dor", "board-a:99", "board-b:99", "board-c:0", "lampp"):
            error = panel.refuse("get", "unknown-line", line=name)
            for own in (name, name.split(":")[0]):
                error["message"] = error["message"].replace("\"%s\"" % own, "")
            del error["line"]
            self.assert_no_trace(error)
        self.assertIn("led", panel.refuse("get", "unknown-line", line="ledd")["message"])

    def test_lists_have_no_hidden_line(self):
        panel = self.panel()
        page = panel.request("lines")
        self.assertEqual({"button", "led"}, {line["line"] for line in page["lines"]})
        self.assertNotIn("next", page)
        first = panel.request("lines", limit=1)
        rest = panel.request("lines", after=first["next"])
        self.assertEqual({"button", "led"}, {line["line"] for line in first["lines"] + rest["lines"]})
        self.assertEqual([self.board.chip_name(A)], [chip["name"] for chip in panel.request("chips")["chips"]])
        self.assert_no_trace(page)

    def test_star_covers_what_may_be_watched(self):
        panel, root = self.panel(), self.connect()
        reply = panel.request("subscribe", lines="*")
        self.assertEqual({"button", "led"}, set(reply["values"]))
        root.request("subscribe", lines="*")
        root.request("set", values={"relay": 1, "lamp": 1})
        root.request("request", line="FREE0", direction="output", initial=1)
        root.request("set", line="led", value=1)
        self.assertEqual(["led"], [event["line"] for event in panel.drain()])
        self.assertEqual({"relay", "lamp", "FREE0", "led"}, {event["line"] for event in root.drain()})

    def test_an_entry_that_is_taken_off_leaves_what_star_covers(self):
        panel, root = self.panel(), self.connect()
        panel.request("subscribe", lines="*")
        panel.request("subscribe", line="led", events="line")
        panel.request("unsubscribe", line="led")
        root.request("set", values={"led": 1, "relay": 1})
        self.assertEqual(["led"], [event["line"] for event in panel.drain()])

    def test_a_replay_has_no_hidden_line(self):
        panel, root = self.panel(), self.connect()
        hello = panel.request("hello")
        root.pipeline([("toggle", {"line": "relay"}) for _ in range(20)])
        root.request("set", line="led", value=1)
        reply = panel.request("subscribe", lines="*", since=hello["seq"], instance=hello["instance"])
        self.assertEqual(1, reply["replay"])
        self.assertEqual(["led"], [event["line"] for event in panel.drain()])

    def test_losses_count_no_hidden_line(self):
        root = self.connect()
        panel = self.panel(receive_buffer=4096)
        panel.request("subscribe", lines="*")
        # As many of led as overtake a reader that does not read; as many of relay between them.
        for _ in range(8):
            root.pipeline([("toggle", {"lines": ["led", "relay"]}) for _ in range(2500)])
        root.request("set", values={"led": 1, "relay": 1})
        seen = lost = 0
        panel.request("ping")
        for event in panel.events:
            self.assert_no_trace(event)
            if event["event"] == "lost":
                self.assertEqual({"led"}, set(event["values"]))
                lost += event["count"]
            else:
                seen += 1
        self.assertGreater(lost, 0)
        self.assertEqual(20000 + 1, seen + lost)

    def test_an_alias_may_be_the_name_of_a_hidden_line(self):
        staff = self.connect_as(STAFF)
        staff.request("request", line="FREE0", direction="input", alias="B1")
        self.assertEqual("FREE0", staff.request("get", line="B1")["names"]["B1"])


class Reloaded(Case):
    """Rights that a reload takes or gives."""

    ERRORS_ALLOWED = True  # refusals are errors in the log

    PANEL = "[access panel]\nusers = 20001\nlines = %s\nverbs = %s\n"

    def reload(self, rules):
        text = "[daemon]\n%s\n%s\n%s\n%s" % (self.DAEMON, self.board.config(), BUTTONS_AND_LEDS, rules)
        with open(self.daemon.config_path, "w") as f:
            f.write(text)
        self.root.request("reload")

    def setUp(self):
        super().setUp()
        self.root = self.connect()
        self.reload(self.PANEL % ("button led relay", "watch set"))
        self.panel = self.connect_as(PANEL)

    def names(self, client):
        return [event["line"] for event in client.drain() if event["event"] == "output"]

    def test_a_subscription_of_a_line_ends_with_the_right_to_watch_it(self):
        self.panel.request("subscribe", lines=["led", "relay"])
        self.reload(self.PANEL % ("led", "watch"))
        self.root.request("set", values={"led": 1, "relay": 1})
        self.assertEqual(["led"], self.names(self.panel))
        self.reload(self.PANEL % ("led relay", "watch"))  # it has ended, and does not begin again by itself
        self.root.request("set", values={"led": 0, "relay": 0})
        self.assertEqual(["led"], self.names(self.panel))

    def test_a_subscription_stays_when_rules_and_names_change_together(self):
        self.panel.request("subscribe", line="led")
        self.reload("[line other]\nline = FREE3\n[access first]\nusers = %d\nlines = door\nverbs = see\n" % STAFF +
                    self.PANEL % ("led", "watch"))
        self.root.request("set", line="led", value=1)
        self.assertEqual(["led"], self.names(self.panel))

    def test_star_covers_what_may_be_watched_now(self):
        self.panel.request("subscribe", lines="*")
        self.reload(self.PANEL % ("relay lamp", "watch"))
        self.root.request("set", values={"led": 1, "relay": 1, "lamp": 1})
        self.assertEqual(["relay", "lamp"], self.names(self.panel))
        self.panel.refuse("get", "unknown-line", line="led")
        self.assertEqual(["see", "watch"], self.panel.request("hello")["access"])

    def test_a_line_taken_by_watching_is_given_back_with_the_right(self):
        self.reload(self.PANEL % ("FREE0", "configure"))
        self.panel.request("subscribe", line="FREE0")
        self.assertTrue(self.root.request("lines", line="FREE0")["lines"][0]["held"])
        self.reload(self.PANEL % ("led", "watch"))
        self.assertFalse(self.root.request("lines", line="FREE0")["lines"][0]["held"])

    def test_a_timer_whose_user_may_no_longer_set_writes_nothing_and_says_so(self):
        for keep in (False, True):
            with self.subTest(keep=keep):
                self.reload(self.PANEL % ("button led relay", "watch set"))
                arming = self.connect_as(PANEL)
                arming.request("arm", timer="t", after="300ms", values={"led": 1}, keep=keep)
                watcher = self.connect_as(PANEL)
                watcher.request("subscribe", timers="t")
                if keep:
                    arming.close()  # then the rights of who has left count
                self.reload(self.PANEL % ("led", "watch"))
                event = watcher.wait_for(event="timer", timer="t")
                self.assertEqual("denied", event["error"]["code"])
                self.assertIn("[access panel]", event["error"]["message"])
                self.assertEqual(0, self.root.request("get", line="led")["values"]["led"])

    def test_a_timer_of_a_group_that_was_not_named_when_its_client_left_is_refused(self):
        groups = tuple(range(40000, 40100))
        self.reload("[access x]\nusers = %d\nlines = led\nverbs = set\n" % NOBODY)
        client = self.connect_as(NOBODY, NOBODY, groups)
        client.request("arm", timer="t", after="300ms", values={"led": 1}, keep=True)
        client.close()
        self.root.request("subscribe", timers="t")
        self.reload("[access x]\ngroups = 40099\nlines = led\nverbs = set\n")
        self.assertEqual("denied", self.root.wait_for(event="timer")["error"]["code"])
        # Of who is connected all groups count.
        self.connect_as(NOBODY, NOBODY, groups).request("set", line="led", value=1)

    def test_the_end_of_a_pulse_that_its_user_may_no_longer_write_is_an_event(self):
        self.root.request("subscribe", line="led")
        self.panel.request("set", line="led", value=1, pulse="300ms")
        self.reload(self.PANEL % ("led", "watch"))
        event = self.root.wait_for(event="output", line="led", cause="revert")
        self.assertEqual(("denied", 1), (event["error"]["code"], event["value"]))

    def test_a_claim_ends_as_its_holder_may_end_it(self):
        self.panel.request("set", line="led", value=1)
        self.panel.request("claim", line="led", on_disconnect=0)
        self.root.request("subscribe", line="led")
        self.reload(self.PANEL % ("led", "watch"))
        self.panel.close()
        event = self.root.wait_for(event="output", line="led")
        self.assertEqual(("denied", 1), (event["error"]["code"], event["value"]))

    def test_a_file_with_a_rule_that_is_wrong_changes_no_right(self):
        with open(self.daemon.config_path, "a") as f:
            f.write("\n[access y]\nusers = nobody-here\nlines = *\nverbs = see\n")
        problems = self.root.refuse("reload", "bad-config")["problems"]
        self.assertIn("nobody-here", problems[0])
        self.panel.request("set", line="relay", value=1)

    def test_only_admins_reload(self):
        self.assertIn("admin", self.panel.refuse("reload", "denied")["message"])


class WithoutRulesAtFirst(Case):
    CONFIG = BUTTONS_AND_LEDS

    def reload(self, config):
        with open(self.daemon.config_path, "w") as f:
            f.write("[daemon]\n%s\n%s\n%s" % (self.DAEMON, self.board.config(), config))
        self.connect().request("reload")

    def test_names_of_an_earlier_reload_are_not_replayed_to_who_may_not_see_them(self):
        more = BUTTONS_AND_LEDS + "[line hush]\nline = FREE0\ndirection = output\n"
        panel, root = self.connect_as(PANEL), self.connect()
        hello = panel.request("hello")
        root.request("subscribe", lines="*")
        self.reload(more)
        self.assertEqual(["hush"], root.wait_for(event="config")["added"])
        self.reload(more + "[access panel]\nusers = 20001\nlines = led\nverbs = watch\n")
        reply = panel.request("subscribe", lines="*", since=hello["seq"], instance=hello["instance"])
        events = panel.drain()
        self.assertEqual(reply["replay"], len(events))
        self.assertEqual(["config"], [event["event"] for event in events])
        self.assertNotIn("hush", json.dumps(events))
        late = self.connect()
        late.request("subscribe", lines="*", since=hello["seq"], instance=hello["instance"])
        self.assertEqual(["hush"], late.wait_for(event="config")["added"])


class BehindHiddenLines(Case):
    CONFIG = BUTTONS_AND_LEDS + "[access panel]\nusers = 20001\nlines = door\nverbs = configure\n"

    @only("sim", "simulates")
    def test_a_page_is_read_anew_however_many_hidden_lines_come_before_it(self):
        panel = self.connect_as(PANEL)
        for value in (1, 0, 1):
            replies = panel.pipeline([("simulate", {"line": "door", "value": value}), ("lines", {"limit": 1})])
            self.assertEqual([("door", value)], [(line["line"], line["value"]) for line in replies[1]["lines"]])


class Interlocked(Case):
    ERRORS_ALLOWED = True  # a revert that is refused is one in the log
    CONFIG = BUTTONS_AND_LEDS + """
[interlock one-way]
lines = led relay
[access panel]
users = 20001
lines = led
verbs = set watch
"""

    def test_a_hidden_line_of_an_interlock_is_not_named(self):
        self.connect().request("set", line="relay", value=1)
        error = self.connect_as(PANEL).refuse("set", "conflict", line="led", value=1)
        self.assertNotIn("relay", json.dumps(error))

    def test_a_pulse_that_it_keeps_from_ending_does_not_name_it_either(self):
        panel, root = self.connect_as(PANEL), self.connect()
        panel.request("subscribe", line="led")
        root.request("set", line="led", value=1)
        root.request("set", line="led", value=0, pulse="100ms")
        root.request("set", line="relay", value=1)
        event = panel.wait_for(event="output", line="led", cause="revert")
        self.assertEqual("conflict", event["error"]["code"])
        self.assertNotIn("relay", json.dumps(event))


class Clients(Case):
    def entries(self, client, **fields):
        return client.request("clients", **fields)["clients"]

    def test_who_has_admin_sees_everybody_and_others_their_own(self):
        root, panel, other, staff = self.connect(), self.connect_as(PANEL), self.connect_as(PANEL), self.connect_as(STAFF)
        for client in (panel, other, staff):
            client.request("hello", client="x")
        self.assertEqual({0, PANEL, STAFF}, {entry["uid"] for entry in self.entries(root)})
        self.assertEqual([PANEL, PANEL], [entry["uid"] for entry in self.entries(panel)])
        self.assertEqual([STAFF], [entry["uid"] for entry in self.entries(staff)])
        admin = self.connect_as(NOBODY, NOBODY, (30009,))
        self.assertEqual({0, PANEL, STAFF, NOBODY}, {entry["uid"] for entry in self.entries(admin)})

    def test_an_entry_says_what_the_client_has(self):
        staff = self.connect_as(STAFF)
        staff.request("hello", client="lift")
        staff.request("subscribe", lines=["led", "FREE0"])
        staff.request("arm", timer="t", after="1h")
        staff.request("claim", line="led")
        entry, = self.entries(staff)
        for key, value in dict(client="lift", uid=STAFF, socket="gpioeventd", subscriptions=2, lines=1, timers=1,
                               claims=1, lost=0, behind=0, unsent=0, age="0ns").items():
            if key == "age":
                self.assertRegex(entry[key], r"^\d+(ns|s)$")
            else:
                self.assertEqual(value, entry[key], key)

    def test_the_list_comes_in_pages(self):
        clients = [self.connect_as(PANEL) for _ in range(7)]
        numbers = [client.request("hello")["peer"] for client in clients]
        found, after = [], {}
        while True:
            reply = clients[0].request("clients", limit=3, **after)
            self.assertLessEqual(len(reply["clients"]), 3)
            found += [entry["peer"] for entry in reply["clients"]]
            if "next" not in reply:
                break
            after = {"after": reply["next"]}
        self.assertEqual(sorted(numbers), found)

    def test_losses_are_told(self):
        root = self.connect()
        panel = self.connect_as(PANEL, receive_buffer=4096)
        panel.request("subscribe", line="led")
        for _ in range(8):
            root.pipeline([("toggle", {"line": "led"}) for _ in range(5000)])
        entry, = [entry for entry in self.entries(root) if entry["uid"] == PANEL]
        self.assertGreater(entry["lost"], 1000)
        self.assertGreater(entry["behind"], 1000)

# SPDX-License-Identifier: MIT
"""Bash, zsh and fish as somebody uses them who presses Tab.

Bash and zsh run on a terminal, with keys bound that insert every candidate and that write down what the
command line is then; fish can be asked. Each begins with nobody's settings.
"""

import os
import pty
import shutil
import subprocess
import tempfile

from harness import BUILD, ROOT, TIMEOUT, Failure, wait_until

SCRIPTS = os.path.join(ROOT, "client", "gpioctl", "completion")
SHOW, ALL = "\x18s", "\x18a"  # Ctrl-X s, Ctrl-X a: no key means anything to a terminal that nobody has set up yet


class Shell:
    """One shell, in a directory of its own that is also its home."""

    def __init__(self, socket_path, programs=BUILD):
        self.directory = tempfile.mkdtemp(prefix="gpioeventd-shell-")
        self.environment = {"HOME": self.directory, "TERM": "dumb", "LC_ALL": "C.UTF-8",
                            "PATH": programs + ":" + os.environ["PATH"], "GPIOEVENTD_SOCKET": socket_path}

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class Typed(Shell):
    """A shell on a terminal."""

    def __init__(self, socket_path, **settings):
        super().__init__(socket_path, **settings)
        self.shown = os.path.join(self.directory, "shown")
        self.n_shown = 0
        self.terminal, other = pty.openpty()
        self.process = subprocess.Popen(self.COMMAND, cwd=self.directory, env=self.environment, stdin=other,
                                        stdout=other, stderr=other, start_new_session=True)
        os.close(other)
        self.write("\n".join(self.setup()) + "\n")

    def write(self, text):
        os.write(self.terminal, text.encode())

    def _read_shown(self):
        os.set_blocking(self.terminal, False)
        try:
            while os.read(self.terminal, 65536):  # a terminal that nobody reads would stand still
                pass
        except OSError:
            pass
        if not os.path.exists(self.shown):
            return None
        with open(self.shown) as f:
            rows = f.read().split("\n")[:-1]
        return rows if len(rows) > self.n_shown else None

    def type(self, keys):
        """The command line after these keys, which is then emptied."""
        self.write(keys + SHOW)
        rows = wait_until(self._read_shown, "the shell shows its command line", TIMEOUT)
        self.n_shown = len(rows)
        return rows[-1]

    def complete(self, line):
        return self.type(line + "\t")

    def offered(self, line):
        """Every candidate for the last word, which has no = or : in it."""
        before = line[:line.rindex(" ") + 1]
        after = self.type(line + ALL)
        if not after.startswith(before):
            raise Failure("%r became %r" % (line, after))
        return set(after[len(before):].split())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        super().close()


class Bash(Typed):
    COMMAND = ["bash", "--noprofile", "--norc", "-i"]

    def setup(self):
        return ("bind 'set enable-bracketed-paste off'",
                "bind 'set completion-query-items 0'",
                "source '%s/gpioctl.bash'" % SCRIPTS,
                "show() { printf '%%s\\n' \"$READLINE_LINE\" >>'%s'; READLINE_LINE=; READLINE_POINT=0; }" % self.shown,
                "bind '\"\\C-xa\": insert-completions'",
                "bind -x '\"\\C-xs\": show'")


class Zsh(Typed):
    COMMAND = ["zsh", "-f", "-i"]

    def setup(self):
        shutil.copy(os.path.join(SCRIPTS, "gpioctl.zsh"), os.path.join(self.directory, "_gpioctl"))
        return ("unset zle_bracketed_paste",
                "fpath=(~ $fpath); autoload -U compinit; compinit -D -u",
                "show() { print -r -- \"$BUFFER\" >>'%s'; BUFFER= }" % self.shown,
                "zle -N show; zle -C all complete-word _generic",
                "zstyle ':completion:all:*' completer _all_matches _complete",
                "zstyle ':completion:all:*' insert yes",
                "bindkey -e; bindkey '^Xa' all; bindkey '^Xs' show")


class Fish(Shell):
    COMMAND = ["fish", "--no-config"]

    def _ask(self, line):
        asked = "source '%s/gpioctl.fish'; complete -C '%s'" % (SCRIPTS, line.replace("\\", "\\\\").replace("'", "\\'"))
        done = subprocess.run(self.COMMAND + ["-c", asked], cwd=self.directory, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT)
        if done.returncode != 0 or done.stderr:
            raise Failure("fish: " + done.stderr)
        return [row.split("\t")[0] for row in done.stdout.splitlines()]

    def offered(self, line):
        return set(self._ask(line))

    def complete(self, line):
        """What Tab makes of the line where there is one candidate; fish leaves out the space after = and so on."""
        candidates = self._ask(line)
        if len(candidates) != 1:
            return line
        before = line[:line.rindex(" ") + 1]
        return before + candidates[0] + ("" if candidates[0][-1] in "/=@:.,-_" else " ")

"""Makes pytest speak TAP (Test Anything Protocol, version 13) on its standard output, so that
meson counts every test case by itself instead of one per file. Load it with `-p pytest_tap`; it
takes the place of pytest's own terminal report.
"""

import sys

import pytest


class TapReporter:
    """One line a test case, decided when its teardown has been heard too."""

    def __init__(self, stream):
        self.stream = stream
        self.number = 0
        self.reports = {}
        self.bailed_out = False

    def say(self, line):
        self.stream.write(line + "\n")
        self.stream.flush()

    def bail_out(self, reason):
        """Ends the report; TAP allows this once, and nothing after it."""
        if not self.bailed_out:
            self.say(f"Bail out! {one_line(reason)}")
        self.bailed_out = True

    def diagnose(self, text):
        for line in text.splitlines():
            self.say("# " + line)

    def pytest_collection_finish(self, session):
        if not session.config.option.collectonly and not self.bailed_out:
            self.say("TAP version 13")
            self.say(f"1..{len(session.items)}")

    def pytest_collectreport(self, report):
        if report.failed:
            self.diagnose(report.longreprtext)
            self.bail_out(f"cannot collect {report.nodeid}")

    def pytest_internalerror(self, excrepr):
        self.diagnose(str(excrepr))
        self.bail_out("internal error of pytest")

    def pytest_keyboard_interrupt(self, excinfo):
        self.bail_out("interrupted")

    def pytest_runtest_logreport(self, report):
        self.reports.setdefault(report.nodeid, []).append(report)
        if report.when == "teardown":
            self.conclude(report.nodeid, self.reports.pop(report.nodeid))

    def conclude(self, nodeid, reports):
        self.number += 1
        name = f"{self.number} - {case_name(nodeid)}"
        failures = [r for r in reports if r.failed]
        skips = [r for r in reports if r.skipped]
        if failures:
            self.say(f"not ok {name}")
        elif skips:
            self.say(f"ok {name} # SKIP {skip_reason(skips[0])}")
        else:
            self.say(f"ok {name}")
        for report in failures:
            self.diagnose(f"{report.when} failed after {report.duration:.1f} s")
            self.diagnose(report.longreprtext)
            for title, content in report.sections:
                self.diagnose(f"---- {title}\n{content}")


def one_line(text):
    return " ".join(text.split()).replace("#", "_")


def case_name(nodeid):
    """The node's name without its file, which is the name of the meson test already."""
    return one_line(nodeid.partition("::")[2] or nodeid)


def skip_reason(report):
    if hasattr(report, "wasxfail"):
        return one_line(f"expected failure: {report.wasxfail}")
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return one_line(reason.removeprefix("Skipped: "))


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:
        config.pluginmanager.unregister(terminal)
    config.pluginmanager.register(TapReporter(sys.stdout), "tapreporter")

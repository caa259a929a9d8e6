"""Where and with what it was measured."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

TOP = pathlib.Path(__file__).parents[2]


def first(pattern, text, otherwise="unknown"):
    match = re.search(pattern, text, re.M)
    return match[1].strip() if match else otherwise


def said_by(*command):
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, cwd=TOP)
    except OSError:
        return ""
    return done.stdout


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def processor():
    return first(r"^model name\s*: (.*)$", read("/proc/cpuinfo"), platform.machine())


def versions():
    return {
        "m4flash": said_by("git", "describe", "--always", "--dirty").strip() or "unknown",
        "OpenOCD": first(r"Debugger (\S+)", said_by("openocd", "--version")),
        "systemd": first(r"^systemd \d+ \((\S+)\)", said_by("systemctl", "--version")),
        "gcc": first(r"(\S+)$", said_by("gcc", "--version").partition("\n")[0]),
        "arm-none-eabi-gcc": first(r" (\d+\.\d+\.\d+) ", said_by("arm-none-eabi-gcc", "--version")),
    }


def describe():
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "system": first(r'^PRETTY_NAME="(.*)"$', read("/etc/os-release")),
        "load_before": os.getloadavg()[0],
        "versions": versions(),
    }


def text(machine):
    """Two lines."""
    tools = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"{machine['date']}, {machine['processors']} x {machine['processor']}, "
            f"Linux {machine['kernel']}, {machine['system']}, "
            f"load {machine['load_before']:.1f} at the start\n{tools}")

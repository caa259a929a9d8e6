#!/usr/bin/python3
"""The program around the chip: options, socket, signals, files. Without OpenOCD: the clients here
speak remote_bitbang themselves.

Usage: test_process.py H7SIM"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from simulator import BANK_SIZE, Simulator, wait_until

H7SIM = os.path.abspath(sys.argv.pop(1))

BAD_FAULTS = ["", "nothing", "erase-fail", "erase-fail:8", "erase-fail:-1", "erase-fail:1:2",
              "erase-fail:x", "stuck-bit:0x08100000", "stuck-bit:0x08100000:8", "die-after",
              "die-after:0", "write-error:0x10", "write-error:0x08200000", "wait-sometimes:1",
              "silent:", "drop:1x", "power-cut-word:4294967296", "no-target-high:1", "erase-fai:1"]
GOOD_FAULTS = ["silent", "silent:0", "drop:0x10", "wait-sometimes", "wait-forever:7",
               "stuck-bit:0x08100000:7", "erase-fail:7", "no-target-low"]

# Clock five ones (Test-Logic-Reset), go to Shift-DR, and read a bit before each of 64 clocks.
READ_IDCODES = "26" * 5 + "04" + "26" + "04" + "04" + "R04" * 64


class Process(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="h7sim-")
        self.addCleanup(directory.cleanup)
        self.sim = Simulator(H7SIM, directory.name)

    def start(self, *options):
        self.sim.start(*options)
        self.addCleanup(self.sim.stop)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.sim.file("socket")))
        client.settimeout(60)
        self.sim.clients += 1
        return client

    def read_idcodes(self, client):
        """The two numbers of the chain, that nearest to TDO first."""
        client.sendall(READ_IDCODES.encode())
        bits = ""
        while len(bits) < 64:
            bits += client.recv(64).decode()
        number = int(bits[::-1], 2)
        return number & 0xFFFFFFFF, number >> 32

    def run_once(self, *options):
        return subprocess.run([H7SIM, *options], capture_output=True, text=True, check=False,
                              timeout=60, cwd=self.sim.path)

    def test_usage(self):
        for options in ((), ("--socket", "s"), ("--flash", "f"), ("--nonsense",),
                        ("--socket", "s", "--flash", "f", "more")):
            done = self.run_once(*options)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn("--help", done.stderr)
        done = self.run_once("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("power-cut-erase:N", done.stdout)

    def test_bad_faults(self):
        for fault in BAD_FAULTS:
            done = self.run_once("--socket", "s", "--flash", "f", "--fault", fault)
            self.assertEqual(done.returncode, 2, fault)
            self.assertIn(f"not a fault (or one too many): {fault}", done.stderr)
            self.assertFalse(self.sim.file("f").exists())

    def test_good_faults(self):
        self.start(*(word for fault in GOOD_FAULTS for word in ("--fault", fault)))
        self.assertEqual(self.sim.stop(), 0)

    def test_bad_faults_file(self):
        self.sim.faults("# the first line", "", "erase-fail:1", "nonsense")
        self.start()
        self.connect()
        self.assertEqual(self.sim.process.wait(60), 2)

    def test_unusable_files(self):
        self.sim.file("short").write_bytes(b"too short")
        done = self.run_once("--socket", "s", "--flash", "short")
        self.assertEqual((done.returncode, done.stderr),
                         (1, "h7sim: short: not 2097152 bytes long\n"))
        self.assertEqual(self.run_once("--socket", "no/s", "--flash", "f").returncode, 1)
        self.assertEqual(self.run_once("--socket", "x" * 108, "--flash", "f").returncode, 1)
        self.assertEqual(self.run_once("--socket", "s", "--flash", "no/f").returncode, 1)
        self.assertEqual(self.run_once("--socket", "s", "--flash", "f", "--bridge",
                                       "no/b").returncode, 1)
        self.assertEqual(sorted(os.listdir(self.sim.path)), ["f", "short"])

    def test_new_flash(self):
        self.start()
        flash = self.sim.file("flash").read_bytes()
        self.assertEqual(flash[:10], bytes.fromhex("00000220 09000008 fee7"))
        self.assertEqual(flash[10:], b"\xff" * (2 * BANK_SIZE - 10))

    def test_idcodes(self):
        self.start()
        client = self.connect()
        self.assertEqual(self.read_idcodes(client), (0x6BA00477, 0x06450041))
        client.close()
        self.assertEqual(self.sim.stats()["clocks"], 5 + 3 + 1 + 64)

    def test_clients_in_turn(self):
        """The second waits until the first has gone, then is served."""
        self.start()
        first, second = self.connect(), self.connect()
        second.sendall(READ_IDCODES.encode())
        self.read_idcodes(first)
        second.settimeout(0.2)
        self.assertRaises(TimeoutError, second.recv, 1)
        first.sendall(b"Q")
        second.settimeout(60)
        self.assertEqual(second.recv(1), b"1")
        second.close()
        self.assertEqual(self.sim.stats()["clients"], 2)

    def test_client_that_does_not_read(self):
        """Its replies pile up, nothing else suffers: signals are answered, no reply is lost."""
        self.start()
        client = self.connect()
        client.setblocking(False)
        sent = 0
        while select.select([], [client], [], 0.5)[1]:  # until both directions are full
            sent += client.send(b"R" * 65536)
        self.sim.process.send_signal(signal.SIGUSR1)
        wait_until(self.sim.file("stats").exists)
        client.settimeout(60)
        while sent > 0:
            sent -= len(client.recv(65536))
        self.assertEqual(self.read_idcodes(client)[0], 0x6BA00477)

    def test_report_on_signal(self):
        self.start()
        self.sim.process.send_signal(signal.SIGUSR1)
        stats = self.sim.stats()
        self.assertEqual(stats["state"], "running")
        self.assertFalse(stats["m4_started"])
        self.assertEqual((stats["clients"], stats["clocks"], stats["resets"]), (0, 0, 0))

    def test_clean_end(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.start()
            client = self.connect()
            self.read_idcodes(client)
            self.assertEqual(self.sim.stop(number), 0)
            self.assertFalse(self.sim.file("socket").exists())
            self.assertFalse(self.sim.file("bridge").exists())
            self.assertEqual(json.loads(self.sim.file("stats").read_text())["clocks"], 73)

    def test_stale_socket(self):
        """What a killed one left is replaced; a successor's socket is not removed."""
        self.start()
        self.sim.stop(signal.SIGKILL)
        self.assertTrue(self.sim.file("socket").exists())
        stale = self.sim.file("socket").stat().st_ino
        command = [H7SIM, "--socket", self.sim.file("socket"), "--flash", self.sim.file("flash")]
        first = subprocess.Popen(command)
        wait_until(lambda: self.sim.file("socket").stat().st_ino != stale)
        self.start()
        first.terminate()
        self.assertEqual(first.wait(60), 0)
        self.assertEqual(self.read_idcodes(self.connect())[0], 0x6BA00477)

    def test_reset_pin(self):
        """The pin holds the chip whoever leaves; the bridge goes and comes with it."""
        self.start()
        bridge = self.sim.file("bridge")
        self.assertTrue(bridge.exists())
        for pin, state in (("s", "reset"), ("r", "running")):
            client = self.connect()
            client.sendall(pin.encode())
            client.close()
            stats = self.sim.stats()
            self.assertEqual(stats["state"], state)
            self.assertEqual(bridge.exists(), state == "running")
            self.assertEqual(stats["resets"], 1)

    def test_dies_with_parent(self):
        code = ("import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid);"
                "sys.stdout.flush(); sys.stdin.read()")
        parent = subprocess.Popen(
            [sys.executable, "-c", code, H7SIM, "--die-with-parent", "--socket",
             self.sim.file("socket"), "--flash", self.sim.file("flash")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        parent.stdout.readline()
        wait_until(self.sim.file("socket").exists)
        parent.kill()
        parent.communicate()
        wait_until(lambda: not self.sim.file("socket").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""What OpenOCD 0.12 says, word for word."""

BANNER = (
    "Open On-Chip Debugger 0.12.0",
    "Licensed under GNU GPL v2",
    "For bug reports, read",
    "\thttp://openocd.org/doc/doxygen/bugs.html",
)

SHUTDOWN = "shutdown command invoked"

CONNECTED = (
    "Info : SWD DPIDR 0x6ba02477",
    "Info : [stm32h7x.cpu0] Cortex-M7 r1p1 processor detected",
    "Info : [stm32h7x.cpu0] target has 8 breakpoints, 4 watchpoints",
    "Info : [stm32h7x.cpu0] starting gdb server on disabled",
    "Info : Device: STM32H74x/75x",
    "Info : flash size probed value 2048k",
    "Info : STM32H7 flash has dual banks",
    "Info : Bank (1) size is 1024 kb, base address is 0x08100000",
)

RESET = ()

ASSERTION = (
    "openocd: ../src/jtag/core.c:345: jtag_checks: Assertion `jtag_trst == 0' failed."
)

FORGED = (
    "Info : m4flash: stage done",
    " m4flash: stage done",
    "m4flash: stage done",
    "m4flash: stage connect",
    "m4flash: progress 99999999999999999999999 1",
    "m4flash: sector -1",
    "Info : checksum mismatch - attempting binary compare",
    "Info : Error connecting DP: cannot read IDR",
)

# mode: the stage it fails in, OpenOCD's lines, our procedure's message
FAILURES = {
    "no-adapter-open": ("connect", ("Error: open: No such file or directory",), ""),
    "no-adapter-mmap": ("connect", ("Error: mmap: Operation not permitted",), ""),
    "no-target": ("connect", ("Error: Error connecting DP: cannot read IDR",), ""),
    "no-target-ones": (
        "connect",
        ("Error: JTAG scan chain interrogation failed: all ones",
         "Error: Check JTAG interface, timings, target power, etc.",
         "Error: Trying to use configured scan chain anyway..."), ""),
    "no-target-zeroes": (
        "connect",
        ("Error: JTAG scan chain interrogation failed: all zeroes",
         "Error: Check JTAG interface, timings, target power, etc.",
         "Error: Trying to use configured scan chain anyway..."), ""),
    "halt-timeout": (
        "connect",
        ("Error: timed out while waiting for target halted",), "TARGET: stm32h7x.cpu0 - Not halted"),
    "erase-failed": (
        "erase",
        ("Error: erase time-out or operation error sector {sector}",
         "Error: failed erasing sectors {sector} to {sector}"), ""),
    "write-protected": (
        "erase",
        ("Error: wait_flash_op_queue, WRPERR detected",
         "Error: erase time-out or operation error sector {sector}",
         "Error: failed erasing sectors {sector} to {sector}"), ""),
    "write-failed": (
        "write",
        ("Error: flash write algorithm aborted by target",
         "Error: flash write failed, FLASH_SR = 0x00040000",
         "Error: error writing to flash at address 0x08100000 at offset 0x00000000"), ""),
    "verify-failed": (
        "verify",
        ("Error: checksum mismatch - attempting binary compare",), ""),
}

# Modes in which the chip cannot be let run either.
DEAD_AFTER = ()


def missing_script(path):
    return (
        f"embedded:startup.tcl:28: Error: Can't find {path}",
        "in procedure 'script' ",
        'at file "embedded:startup.tcl", line 28',
    )

"""What OpenOCD 0.12 says on a simulated chip (and, where noted, on a board), word for word.

test_texts.py compares these with the real program's output, so that they cannot drift.
"""

BANNER = (
    "Open On-Chip Debugger 0.12.0",
    "Licensed under GNU GPL v2",
    "For bug reports, read",
    "\thttp://openocd.org/doc/doxygen/bugs.html",
)

SHUTDOWN = "shutdown command invoked"
QUIT = "Info : remote_bitbang interface quit"

ADAPTER = (
    "Info : only one transport option; autoselect 'jtag'",
    "Info : Initializing remote_bitbang driver",
    "Info : Connecting to unix socket /run/chip",
    "Info : remote_bitbang driver initialized",
    "Info : This adapter doesn't support configurable speed",
)

CHAIN = (
    "Info : JTAG tap: stm32h7x.cpu tap/device found: 0x6ba00477 "
    "(mfg: 0x23b (ARM Ltd), part: 0xba00, ver: 0x6)",
    "Info : JTAG tap: stm32h7x.bs tap/device found: 0x06450041 "
    "(mfg: 0x020 (STMicroelectronics), part: 0x6450, ver: 0x0)",
)

EXAMINED = (
    *CHAIN,
    "Info : [stm32h7x.cpu0] Cortex-M7 r1p1 processor detected",
    "Info : [stm32h7x.cpu0] target has 8 breakpoints, 4 watchpoints",
    "Info : gdb port disabled",
    "Info : gdb port disabled",
)

HALTED = (
    "[stm32h7x.cpu0] halted due to debug-request, current mode: Thread ",
    "xPSR: 0x01000000 pc: 0x08000008 msp: 0x20020000",
)

NO_CHIP = (
    "Error: JTAG scan chain interrogation failed: all {level}",
    "Error: Check JTAG interface, timings, target power, etc.",
    "Error: Trying to use configured scan chain anyway...",
    "Error: stm32h7x.cpu: IR capture error; saw 0x{capture} not 0x01",
    "Warn : Bypassing JTAG setup events due to errors",
    "Error: Invalid ACK ({ack}) in DAP response",
)

CANNOT_RESET = (
    "Warn : [stm32h7x.cpu0] Only resetting the Cortex-M core, use a reset-init event handler to "
    "reset any peripherals or configure hardware srst support."
)

ASSERTION = (
    "openocd: src/jtag/drivers/remote_bitbang.c:196: remote_bitbang_read_sample: "
    "Assertion `!remote_bitbang_recv_buf_empty()' failed."
)

FORGED = (
    "Info : m4flash: stage done",
    " m4flash: stage done",
    "m4flash: stage done",
    "m4flash: stage connect",
    "m4flash: progress 99999999999999999999999 1",
    "m4flash: progress 2 1",
    "m4flash: sector -1",
    "Info : checksum mismatch",
    "Warn : Error connecting DP: cannot read IDR",
    "Debug: 1 2 target.c:1055 target_run_flash_async_algorithm(): offs 0xfffffffffffffffff count",
)


def bank(number):
    return (
        "Info : Device: STM32H74x/75x",
        "Info : flash size probed value 2048k",
        "Info : STM32H7 flash has dual banks",
        f"Info : Bank ({number}) size is 1024 kb, base address is 0x08{number}00000",
    )


def padding(address, size):
    return (
        "Info : 35 493 tcl.c:824 handle_flash_write_bank_command(): "
        f"Padding at 0x{address:08x} with {size} bytes (bank write end alignment)"
    )


def written(offset, words_left):
    return (
        "Debug: 67 496 target.c:1055 target_run_flash_async_algorithm(): "
        f"offs 0x{offset:x} count 0x{words_left:x} wp 0x20000074 rp 0x20000074"
    )


def write_failed(address, offset):
    return (
        "Error: 80 707 target.c:1059 target_run_flash_async_algorithm(): "
        "flash write algorithm aborted by target",
        "Error: 99 713 stm32h7x.c:634 stm32x_write_block(): "
        "error executing stm32h7x flash write algorithm",
        "Error: 100 713 stm32h7x.c:642 stm32x_write_block(): "
        "flash write failed, FLASH_SR = 0x00410000",
        "Error: 108 713 core.c:92 flash_driver_write(): "
        f"error writing to flash at address 0x{address:08x} at offset 0x{offset:08x}",
    )


def erase_failed(sector, *cause):
    return (
        *cause,
        f"Error: erase time-out or operation error sector {sector}",
        f"Error: failed erasing sectors {sector} to {sector}",
    )


WRITE_PROTECTED = "Error: wait_flash_op_queue, WRPERR detected"
MISMATCH = "Error: checksum mismatch"

# What keeps OpenOCD from connecting. mode: its lines, whether it has met a core, our message.
# imx_gpio and SWD are what the board has; no simulated chip can produce these texts.
UNREACHABLE = {
    "no-adapter-open": (
        ("Info : imx_gpio GPIO JTAG/SWD bitbang driver", "Error: open: Permission denied"), "",
    ),
    "no-adapter-mmap": (
        ("Info : imx_gpio GPIO JTAG/SWD bitbang driver",
         "Info : imx_gpio mmap: pagesize: 4096, regionsize: 131072",
         "Error: mmap: Operation not permitted"), "",
    ),
    "no-target": (
        ("Info : imx_gpio GPIO JTAG/SWD bitbang driver",
         "Info : imx_gpio mmap: pagesize: 4096, regionsize: 131072",
         "Info : clock speed 1800 kHz",
         "Error: Error connecting DP: cannot read IDR"), "",
    ),
    "no-target-ones": (
        (*ADAPTER, *(line.format(level="ones", capture="0f", ack=7) for line in NO_CHIP),
         "Error: JTAG-DP STICKY ERROR"), "",
    ),
    "no-target-zeroes": (
        (*ADAPTER, *(line.format(level="zeroes", capture="00", ack=0) for line in NO_CHIP)), "",
    ),
    "halt-timeout": (
        (*ADAPTER, *EXAMINED, *CHAIN, CANNOT_RESET,
         "Error: timed out while waiting for target halted"),
        "TARGET: stm32h7x.cpu0 - Not halted",
    ),
}


def missing_script(path):
    return (
        f"embedded:startup.tcl:28: Error: Can't find {path}",
        "in procedure 'script' ",
        'at file "embedded:startup.tcl", line 28',
    )


def trace(script):
    """What `shutdown error` leaves behind it, more or less: the error that we have caught."""
    return (f"{script}:69: Error: ", f'at file "{script}", line 69')

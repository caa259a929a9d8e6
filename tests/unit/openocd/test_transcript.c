/* What OpenOCD's lines mean: recorded runs of the real program (transcripts/, made by
 * tests/standin/record.py), and lines that no simulated chip can make it say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "openocd/lines.h"
#include "openocd/transcript.h"
#include "util/cleanup.h"

/* A transcript, and how often what changed. */
struct told {
    struct transcript transcript;
    size_t lines, stages, progress;
};

static void tell(const char *line, void *userdata)
{
    struct told *told = userdata;
    struct transcript_line meaning = transcript_feed(&told->transcript, line);

    told->lines++;
    told->stages += meaning.stage_changed;
    told->progress += meaning.progress_changed;
}

static struct told replay_text(const char *text, size_t size)
{
    struct told told = {0};
    struct lines lines = {0};

    transcript_init(&told.transcript);
    lines_feed(&lines, text, size, tell, &told);
    lines_finish(&lines, tell, &told);
    return told;
}

static struct told replay(const char *name)
{
    char path[4096], text[65536];

    snprintf(path, sizeof(path), TRANSCRIPTS "/%s.txt", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_in_range(size, 1, sizeof(text) - 1);
    return replay_text(text, size);
}

#define TELL(told, ...)                                    \
    do {                                                   \
        static const char *const _lines[] = {__VA_ARGS__}; \
        transcript_init(&(told).transcript);               \
        for (size_t _i = 0; _i < ELEMENTSOF(_lines); _i++) \
            tell(_lines[_i], &(told));                     \
    } while (0)

/* ---- Recorded runs --------------------------------------------------------------------------- */

enum {
    CONNECTED = 1,
    ERASED = 2,
    RELEASED = 4,
};

static const struct recorded {
    const char *name;
    enum openocd_end end;
    int status;
    enum openocd_code code;
    enum openocd_stage stage;
    unsigned flags;
    uint32_t sector;
    const char *error;
} recorded[] = {
    {"success", OPENOCD_END_EXITED, 0, OPENOCD_OK, OPENOCD_STAGE_DONE,
     CONNECTED | ERASED | RELEASED, 1, ""},
    {"release", OPENOCD_END_EXITED, 0, OPENOCD_OK, OPENOCD_STAGE_DONE, CONNECTED | RELEASED, 0, ""},
    {"no-target-ones", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_CONNECT, 0, 0,
     "JTAG scan chain interrogation failed: all ones"},
    {"no-target-zeroes", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_CONNECT, 0, 0,
     "JTAG scan chain interrogation failed: all zeroes"},
    {"not-halted", OPENOCD_END_EXITED, 1, OPENOCD_HALT_TIMEOUT, OPENOCD_STAGE_CONNECT,
     CONNECTED | RELEASED, 0, "timed out while waiting for target halted"},
    {"erase-failed", OPENOCD_END_EXITED, 1, OPENOCD_ERASE_FAILED, OPENOCD_STAGE_ERASE,
     CONNECTED | ERASED | RELEASED, 1, "erase time-out or operation error sector 1"},
    {"write-protected", OPENOCD_END_EXITED, 1, OPENOCD_ERASE_FAILED, OPENOCD_STAGE_ERASE,
     CONNECTED | ERASED | RELEASED, 0, "wait_flash_op_queue, WRPERR detected"},
    {"write-failed", OPENOCD_END_EXITED, 1, OPENOCD_WRITE_FAILED, OPENOCD_STAGE_WRITE,
     CONNECTED | ERASED | RELEASED, 1, "flash write algorithm aborted by target"},
    {"write-failed-at-the-end", OPENOCD_END_EXITED, 1, OPENOCD_WRITE_FAILED, OPENOCD_STAGE_WRITE,
     CONNECTED | ERASED | RELEASED, 1, "flash write algorithm aborted by target"},
    {"verify-failed", OPENOCD_END_EXITED, 1, OPENOCD_VERIFY_FAILED, OPENOCD_STAGE_VERIFY,
     CONNECTED | ERASED | RELEASED, 0, "checksum mismatch"},
    {"lost-at-connect", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_CONNECT, CONNECTED,
     0, NULL},
    {"lost-at-erase", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_ERASE,
     CONNECTED | ERASED, 1, "Invalid ACK (7) in DAP response"},
    {"lost-at-write", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_WRITE,
     CONNECTED | ERASED, 1, "Invalid ACK (7) in DAP response"},
    {"waits-at-connect", OPENOCD_END_EXITED, 1, OPENOCD_NO_TARGET, OPENOCD_STAGE_CONNECT, CONNECTED,
     0, "Timeout during WAIT recovery"},
    {"dropped-at-connect", OPENOCD_END_SIGNALED, SIGABRT, OPENOCD_CRASHED, OPENOCD_STAGE_CONNECT, 0,
     0, ""},
    {"dropped-at-write", OPENOCD_END_SIGNALED, SIGABRT, OPENOCD_CRASHED, OPENOCD_STAGE_WRITE,
     CONNECTED | ERASED, 1, ""},
    {"power-cut-at-erase", OPENOCD_END_EXITED, 1, OPENOCD_NO_ADAPTER, OPENOCD_STAGE_ERASE,
     CONNECTED | ERASED, 0, NULL},
    {"power-cut-at-write", OPENOCD_END_EXITED, 1, OPENOCD_NO_ADAPTER, OPENOCD_STAGE_WRITE,
     CONNECTED | ERASED, 1, NULL},
    {"missing-bank", OPENOCD_END_EXITED, 1, OPENOCD_INTERNAL, OPENOCD_STAGE_CONNECT,
     CONNECTED | RELEASED, 0, "no flash bank holds 0x08100000 to 0x0813ffff"},
    {"not-aligned", OPENOCD_END_EXITED, 1, OPENOCD_INTERNAL, OPENOCD_STAGE_ERASE,
     CONNECTED | ERASED | RELEASED, 0,
     "address range 0x08101000 .. 0x08120fff is not sector-aligned"},
    {"missing-socket", OPENOCD_END_EXITED, 1, OPENOCD_NO_ADAPTER, OPENOCD_STAGE_CONNECT, 0, 0,
     "Error on socket 'connect': errno==2, message: No such file or directory."},
    {"unknown-adapter", OPENOCD_END_EXITED, 1, OPENOCD_NO_ADAPTER, OPENOCD_STAGE_CONNECT, 0, 0,
     "The specified debug interface was not found (imx_gpio)"},
    {"garbage", OPENOCD_END_EXITED, 1, OPENOCD_INTERNAL, OPENOCD_STAGE_CONNECT, 0, 0,
     "invalid command name \"no\""},
    {"missing-configuration", OPENOCD_END_EXITED, 1, OPENOCD_INTERNAL, OPENOCD_STAGE_CONNECT, 0, 0,
     "Can't find /run/no-such.cfg"},
    {"missing-script", OPENOCD_END_EXITED, 1, OPENOCD_INTERNAL, OPENOCD_STAGE_NONE, 0, 0,
     "Can't find /run/no-such.tcl"},
};

static void check_recorded(const struct recorded *expected)
{
    struct told told = replay(expected->name);
    const struct transcript *t = &told.transcript;

    assert_string_equal(openocd_code_name(transcript_verdict(t, expected->end, expected->status)),
                        openocd_code_name(expected->code));
    assert_int_equal(t->stage, expected->stage);
    assert_int_equal(t->connected, !!(expected->flags & CONNECTED));
    assert_int_equal(t->erased, !!(expected->flags & ERASED));
    assert_int_equal(t->released, !!(expected->flags & RELEASED));
    assert_int_equal(t->done, expected->code == OPENOCD_OK);
    assert_int_equal(t->sector, expected->sector);
    if (expected->error)
        assert_string_equal(t->error, expected->error);
    else
        assert_string_not_equal(t->error, "");
}

static void test_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(recorded); i++) {
        print_message("# %s\n", recorded[i].name);
        check_recorded(&recorded[i]);
    }
}

/* Whatever was said before: killed at the deadline, ended by a signal, never started. */
static void test_recorded_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(recorded); i++) {
        struct told told = replay(recorded[i].name);
        const struct transcript *t = &told.transcript;
        assert_int_equal(transcript_verdict(t, OPENOCD_END_DEADLINE, SIGKILL), OPENOCD_TIMEOUT);
        assert_int_equal(transcript_verdict(t, OPENOCD_END_SIGNALED, SIGSEGV), OPENOCD_CRASHED);
        assert_int_equal(transcript_verdict(t, OPENOCD_END_NOT_STARTED, ENOENT), OPENOCD_MISSING);
        assert_int_equal(transcript_verdict(t, OPENOCD_END_EXITED, 134), OPENOCD_CRASHED);
        if (recorded[i].code != OPENOCD_OK)
            assert_int_not_equal(transcript_verdict(t, OPENOCD_END_EXITED, 0), OPENOCD_OK);
    }
}

static void test_recorded_progress(void **state)
{
    struct told told = replay("success");

    (void)state;
    assert_int_equal(told.stages, 6);
    assert_int_equal(told.transcript.bytes_done, 33801);
    assert_int_equal(told.transcript.bytes_total, 33801);
    /* Two sectors, three lines of ours, and OpenOCD's own on the way. */
    assert_in_range(told.progress, 2 + 3 + 3, 30);
    told = replay("write-failed");
    assert_int_equal(told.transcript.bytes_done, 0x7fe0); /* of 0x8408, sent ahead of the chip */
    told = replay("write-failed-at-the-end");
    assert_int_equal(told.transcript.bytes_done, 33801 - 32);
}

/* A run that is cut off anywhere has not succeeded. */
static void test_cut_off_anywhere(void **state)
{
    char text[65536];
    FILE *file = fopen(TRANSCRIPTS "/success.txt", "re");

    (void)state;
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text), file);
    fclose(file);
    const char *end = memmem(text, size, "m4flash: stage done", 19);
    assert_non_null(end);
    size_t done_at = (size_t)(end - text) + 19;
    for (size_t cut = 0; cut < size; cut += cut + 200 < done_at ? 37 : 1) {
        struct told told = replay_text(text, cut);
        bool good = transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0) == OPENOCD_OK;
        assert_int_equal(good, cut >= done_at);
    }
}

/* ---- Lines that no simulated chip makes ------------------------------------------------------ */

static void check_error_at(const char *stage, const char *line, enum openocd_code expected)
{
    char stage_line[64];
    struct told told = {0};

    transcript_init(&told.transcript);
    snprintf(stage_line, sizeof(stage_line), "m4flash: stage %s", stage);
    tell("Open On-Chip Debugger 0.12.0", &told);
    if (stage[0])
        tell(stage_line, &told);
    tell(line, &told);
    assert_string_equal(
        openocd_code_name(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1)),
        openocd_code_name(expected));
}

/* OpenOCD's texts from its source: drivers and a wire that this machine does not have. */
static void test_texts(void **state)
{
    static const struct {
        const char *stage, *line;
        enum openocd_code code;
    } cases[] = {
        {"connect", "Error: open: Permission denied", OPENOCD_NO_ADAPTER},
        {"connect", "Error: mmap: Operation not permitted", OPENOCD_NO_ADAPTER},
        {"connect", "Error: Cannot open LinuxGPIOD chip 77 for swdio", OPENOCD_NO_ADAPTER},
        {"connect", "Error: Couldn't export gpio 900", OPENOCD_NO_ADAPTER},
        {"connect", "Error: unable to find a matching CMSIS-DAP device", OPENOCD_NO_ADAPTER},
        {"connect", "Error: open failed", OPENOCD_NO_ADAPTER},
        {"connect", "Error: no device found", OPENOCD_NO_ADAPTER},
        {"connect", "Error: Debug Adapter has to be specified, see \"adapter driver\" command",
         OPENOCD_NO_ADAPTER},
        {"connect", "Error: connect: No such file or directory", OPENOCD_NO_ADAPTER},
        {"write", "Error: fflush: Broken pipe", OPENOCD_NO_ADAPTER},
        {"connect", "Error: Error connecting DP: cannot read IDR", OPENOCD_NO_TARGET},
        {"reset", "Error: Invalid ACK (0) in DAP response", OPENOCD_NO_TARGET},
        {"connect", "Error: [stm32h7x.cpu0] Could not find MEM-AP to control the core",
         OPENOCD_NO_TARGET},
        {"connect", "m4flash: error connect TARGET: stm32h7x.cpu0 - Not examined",
         OPENOCD_NO_TARGET},
        {"connect", "m4flash: error connect TARGET: stm32h7x.cpu0 - Not halted",
         OPENOCD_HALT_TIMEOUT},
        {"erase", "Error: failed erasing sectors 0 to 0", OPENOCD_ERASE_FAILED},
        {"write", "Error: wait_flash_op_queue, WRPERR detected", OPENOCD_WRITE_FAILED},
        {"write", "Error: flash write failed, FLASH_SR = 0x00020000", OPENOCD_WRITE_FAILED},
        {"write", "Error: error writing to flash at address 0x08100000 at offset 0x00000000",
         OPENOCD_WRITE_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        check_error_at(cases[i].stage, cases[i].line, cases[i].code);
}

/* An unknown text means what the stage means. */
static void test_stage_decides(void **state)
{
    static const struct {
        const char *stage;
        enum openocd_code code;
    } cases[] = {
        {"", OPENOCD_INTERNAL},
        {"connect", OPENOCD_INTERNAL},
        {"erase", OPENOCD_ERASE_FAILED},
        {"write", OPENOCD_WRITE_FAILED},
        {"verify", OPENOCD_VERIFY_FAILED},
        {"reset", OPENOCD_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        check_error_at(cases[i].stage, "Error: something new", cases[i].code);
        check_error_at(cases[i].stage, "shutdown command invoked", cases[i].code);
    }
}

/* The same text elsewhere, on another level, or in the middle of a line is no evidence. */
static void test_unlucky_lines(void **state)
{
    (void)state;
    check_error_at("connect", "Error: checksum mismatch", OPENOCD_INTERNAL);
    check_error_at("write", "Error: checksum mismatch", OPENOCD_WRITE_FAILED);
    check_error_at("verify", "Error: open: Permission denied", OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Error: timed out while waiting for target halted",
                   OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Info : Invalid ACK (7) in DAP response", OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Warn : Invalid ACK (7) in DAP response", OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Debug: Invalid ACK (7) in DAP response", OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Invalid ACK (7) in DAP response", OPENOCD_VERIFY_FAILED);
    check_error_at("verify", "Error: file Invalid ACK (7) is unreadable", OPENOCD_VERIFY_FAILED);
    check_error_at("connect", "Error: cannot find open: Invalid ACK.cfg", OPENOCD_INTERNAL);
}

static void test_first_error_decides(void **state)
{
    struct told told;

    (void)state;
    TELL(told, "m4flash: stage connect", "m4flash: connected", "m4flash: stage erase",
         "Error: something", "Error: erase time-out or operation error sector 0",
         "m4flash: error erase", "Error: Invalid ACK (7) in DAP response");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1),
                     OPENOCD_ERASE_FAILED);
    assert_string_equal(told.transcript.error, "something");
}

static void test_exit_0_alone_proves_nothing(void **state)
{
    struct told told;

    (void)state;
    TELL(told, "m4flash: stage connect", "m4flash: stage write");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_INTERNAL);
    TELL(told, "** Programming Finished **", "** Verified OK **", "shutdown command invoked");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_INTERNAL);
}

/* Letting the chip run after an unknown error may bring errors of its own. */
static void test_nothing_counts_after_our_error(void **state)
{
    struct told told;

    (void)state;
    TELL(told, "m4flash: stage connect", "m4flash: error connect invalid command name \"x\"",
         "Error: Invalid ACK (7) in DAP response");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1), OPENOCD_INTERNAL);
    assert_string_equal(told.transcript.error, "invalid command name \"x\"");
}

/* ---- Forged and mangled lines of ours -------------------------------------------------------- */

static void test_done_needs_released(void **state)
{
    struct told told;

    (void)state;
    TELL(told, "m4flash: stage connect", "m4flash: connected", "m4flash: stage done");
    assert_int_not_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_OK);
    TELL(told, "m4flash: stage connect", "Info : m4flash: released", " m4flash: released",
         "Error: m4flash: released", "m4flash: released?", "m4flash: stage done");
    assert_int_not_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_OK);
    TELL(told, "m4flash: stage connect", "m4flash: released", "Info : m4flash: stage done",
         "m4flash: stage done ", "m4flash: stage  done", "x m4flash: stage done",
         "Debug: 1 2 command.c:155 script_debug(): m4flash: stage done");
    assert_int_not_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_OK);
    TELL(told, "m4flash: stage connect", "m4flash: released", "m4flash: stage done");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0), OPENOCD_OK);
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1), OPENOCD_INTERNAL);
}

static void test_stages_move_forward(void **state)
{
    struct told told = {0};

    (void)state;
    TELL(told, "m4flash: stage write", "m4flash: stage connect", "m4flash: stage write",
         "m4flash: stage none", "m4flash: stage", "m4flash: stage ", "m4flash: stage xyz");
    assert_int_equal(told.transcript.stage, OPENOCD_STAGE_WRITE);
    assert_int_equal(told.stages, 1);
}

static void test_numbers(void **state)
{
    struct told told = {0};

    (void)state;
    TELL(told, "m4flash: sector 7", "m4flash: progress 10 20", "m4flash: sector -1",
         "m4flash: sector", "m4flash: sector ", "m4flash: sector +3", "m4flash: sector 3 4",
         "m4flash: sector 4294967296", "m4flash: sector 0x3",
         "m4flash: sector 99999999999999999999", "m4flash: progress 21 20", "m4flash: progress 5",
         "m4flash: progress 5 ", "m4flash: progress 5 20 30", "m4flash: progress a b",
         "m4flash: progress 5 99999999999999999999");
    assert_int_equal(told.progress, 2);
    assert_int_equal(told.transcript.sector, 7);
    assert_int_equal(told.transcript.bytes_done, 10);
    assert_int_equal(told.transcript.bytes_total, 20);
    TELL(told, "m4flash: sector 4294967295",
         "m4flash: progress 18446744073709551615 18446744073709551615");
    assert_true(told.transcript.sector == UINT32_MAX);
    assert_true(told.transcript.bytes_done == UINT64_MAX);
}

#define OFFSET "Debug: 71 619 target.c:1055 target_run_flash_async_algorithm(): offs "

static void check_offset(const char *line, uint64_t expected)
{
    struct told told = {0};

    TELL(told, "m4flash: stage write", "m4flash: progress 1000 5000");
    tell(line, &told);
    assert_int_equal(told.transcript.bytes_done, expected);
    assert_int_equal(told.progress, expected == 1000 ? 1 : 2);
}

static void test_offsets(void **state)
{
    struct told told = {0};

    (void)state;
    check_offset(OFFSET "0x3e8 count 0x1 wp 0x0 rp 0x0", 2000);
    check_offset(OFFSET "0xfa0 count", 5000);
    check_offset(OFFSET "0xfa1 count", 1000);
    check_offset(OFFSET "0xfffffffffffffffff count", 1000);
    check_offset(OFFSET "0x", 1000);
    check_offset(OFFSET "x", 1000);
    check_offset("Info : 1 2 target.c:1 f(): offs 0x10 count 0x1", 1000);
    check_offset("offs 0x10 count 0x1", 1000);
    TELL(told, "m4flash: stage verify", "m4flash: progress 1000 5000", OFFSET "0x10 count");
    assert_int_equal(told.transcript.bytes_done, 1000);
}

/* A board whose configuration sets debug_level 3: the lines have marks and positions. */
static void test_verbose(void **state)
{
    struct told told = {0};

    (void)state;
    TELL(told, "m4flash: stage connect",
         "Debug: 477 538 command.c:155 script_debug(): command - echo m4flash: connected",
         "User : 478 538 command.c:685 handle_echo(): m4flash: connected",
         "User : 494 544 command.c:685 handle_echo(): m4flash: stage erase",
         "Error: 500 545 stm32h7x.c:285 wait(): wait_flash_op_queue, WRPERR detected");
    assert_true(told.transcript.connected);
    assert_int_equal(told.transcript.stage, OPENOCD_STAGE_ERASE);
    assert_string_equal(told.transcript.error, "wait_flash_op_queue, WRPERR detected");
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1),
                     OPENOCD_ERASE_FAILED);
}

static void test_long_error_is_cut(void **state)
{
    struct told told = {0};
    char line[LINES_MAX] = "Error: ";

    (void)state;
    memset(line + strlen(line), 'x', sizeof(line) - strlen(line) - 1);
    transcript_init(&told.transcript);
    tell(line, &told);
    assert_int_equal(strlen(told.transcript.error), sizeof(told.transcript.error) - 1);
}

/* ---- What each line is ----------------------------------------------------------------------- */

static void test_priorities(void **state)
{
    static const struct {
        const char *line;
        int priority;
        bool ours;
    } cases[] = {
        {"Error: x", LOG_ERR, false},
        {"Warn : x", LOG_WARNING, false},
        {"Info : x", LOG_INFO, false},
        {"Debug: x", LOG_DEBUG, false},
        {"User : 1 2 command.c:685 handle_echo(): x", LOG_INFO, false},
        {"** Programming Started **", LOG_INFO, false},
        {"Error:x", LOG_INFO, false},
        {"", LOG_INFO, false},
        {"m4flash: stage write", LOG_INFO, true},
        {"Debug: x", LOG_DEBUG, true},
        {"m4flash: unheard of", LOG_INFO, true},
        {"m4flash: error write it broke", LOG_ERR, true},
    };
    struct transcript transcript;

    (void)state;
    transcript_init(&transcript);
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct transcript_line line = transcript_feed(&transcript, cases[i].line);
        assert_int_equal(line.priority, cases[i].priority);
        assert_int_equal(line.ours, cases[i].ours);
    }
}

/* The routine on the chip failed and OpenOCD begins anew: the first attempt has failed nothing, but
 * what it erased is erased, and a core that answered may be halted. */
static void test_again(void **state)
{
    struct told told = {0};
    (void)state;

    TELL(told, "m4flash: stage connect", "m4flash: connected", "m4flash: stage erase",
         "Error: erase time-out or operation error sector 1");
    assert_int_equal(told.transcript.suspected, OPENOCD_ERASE_FAILED);
    const char *line = "m4flash: again without the routine on the chip: it does not answer";
    struct transcript_line meaning = transcript_feed(&told.transcript, line);
    assert_int_equal(meaning.priority, LOG_WARNING);
    assert_true(meaning.stage_changed);
    assert_false(meaning.ours);
    assert_int_equal(told.transcript.stage, OPENOCD_STAGE_CONNECT);
    assert_int_equal(told.transcript.suspected, OPENOCD_OK);
    assert_string_equal(told.transcript.error, "");
    assert_true(told.transcript.erased);
    assert_true(told.transcript.connected);
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 1), OPENOCD_INTERNAL);

    tell("m4flash: stage done", &told);
    assert_int_equal(transcript_verdict(&told.transcript, OPENOCD_END_EXITED, 0),
                     OPENOCD_INTERNAL); /* it was not let run */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_recorded_ends),
        cmocka_unit_test(test_recorded_progress),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_stage_decides),
        cmocka_unit_test(test_unlucky_lines),
        cmocka_unit_test(test_first_error_decides),
        cmocka_unit_test(test_exit_0_alone_proves_nothing),
        cmocka_unit_test(test_nothing_counts_after_our_error),
        cmocka_unit_test(test_done_needs_released),
        cmocka_unit_test(test_stages_move_forward),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_long_error_is_cut),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

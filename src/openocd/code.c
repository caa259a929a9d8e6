/*
 * The outcome codes of programming in words, for a tired person with a board that does not blink:
 * one sentence about what happened, one hint about what to do.
 */
#include "openocd/transcript.h"

#include "util/cleanup.h"

static const struct {
    const char *name, *sentence, *hint;
} codes[_OPENOCD_CODE_MAX] = {
    [OPENOCD_OK] = {"ok", "The sketch was programmed, verified and started.", ""},
    [OPENOCD_MISSING] = {"openocd-missing", "OpenOCD could not be started.",
                         "Install OpenOCD, or set Program= in the section [OpenOCD] of "
                         "/etc/m4flash.conf to where it is."},
    [OPENOCD_CRASHED] = {"openocd-crashed", "OpenOCD crashed while it was at work.",
                         "Upload again; if it happens again, switch the board off and on and look "
                         "at OpenOCD's last lines in the journal."},
    [OPENOCD_NO_ADAPTER] = {"no-adapter", "OpenOCD cannot use the debug adapter.",
                            "End any other openocd that may hold it (pgrep -a openocd), and see "
                            "that m4flashd runs as root and that OpenOCD's configuration fits this "
                            "board."},
    [OPENOCD_NO_TARGET] = {"no-target", "The chip does not answer on its debug pins.",
                           "End any other program that holds these pins (pgrep -a openocd), then "
                           "switch the board off and on and upload again."},
    [OPENOCD_HALT_TIMEOUT] = {"halt-timeout", "The chip answers but does not stop for programming.",
                              "Upload again; if it happens again, switch the board off and on "
                              "first."},
    [OPENOCD_ERASE_FAILED] = {"erase-failed", "A flash sector could not be erased.",
                              "Upload again; if the same sector fails each time, it is "
                              "write-protected or worn out."},
    [OPENOCD_WRITE_FAILED] = {"write-failed", "The sketch could not be written to flash.",
                              "Upload again; if the same sector fails each time, it is "
                              "write-protected or worn out."},
    [OPENOCD_VERIFY_FAILED] = {"verify-failed", "The flash does not hold what was written to it.",
                               "Upload again; if the same sector fails each time, the flash is "
                               "worn out."},
    [OPENOCD_TIMEOUT] = {"timeout", "OpenOCD did not finish in time and was ended.",
                         "Switch the board off and on and upload again; if OpenOCD is only slow, "
                         "raise TimeoutSec= in the section [OpenOCD] of /etc/m4flash.conf."},
    [OPENOCD_NO_HEALTH] =
        {"no-health", "The sketch was programmed, but the bridge to the M7 does not come back.",
         "Switch the board off and on; if the bridge stays away, update the M7 "
         "firmware."},
    [OPENOCD_INTERNAL] = {"internal", "Programming failed for a reason that is not known.",
                          "Look at OpenOCD's lines in the journal, and check the OpenOCD "
                          "configuration of this board."},
};

const char *openocd_code_name(enum openocd_code code)
{
    return codes[code].name;
}

const char *openocd_code_sentence(enum openocd_code code)
{
    return codes[code].sentence;
}

const char *openocd_code_hint(enum openocd_code code)
{
    return codes[code].hint;
}

const char *openocd_stage_name(enum openocd_stage stage)
{
    static const char *const names[_OPENOCD_STAGE_MAX] = {
        [OPENOCD_STAGE_NONE] = "none",     [OPENOCD_STAGE_CONNECT] = "connect",
        [OPENOCD_STAGE_ERASE] = "erase",   [OPENOCD_STAGE_WRITE] = "write",
        [OPENOCD_STAGE_VERIFY] = "verify", [OPENOCD_STAGE_RESET] = "reset",
        [OPENOCD_STAGE_DONE] = "done",
    };

    return names[stage];
}

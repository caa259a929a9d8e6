/*
 * OpenOCD's output: bytes -> lines -> what they mean. The lines and the outcome must not depend on
 * the pieces in which the output arrives, and each line must be fit for a terminal.
 */
#include <string.h>

#include "fuzz.h"
#include "openocd/lines.h"
#include "openocd/transcript.h"
#include "util/cleanup.h"
#include "util/utf8.h"

struct run {
    struct lines lines;
    struct transcript transcript;
    uint64_t n;
    uint64_t sum; /* of all lines, to compare two runs by (FNV-1a) */
};

static void take_line(const char *line, void *userdata)
{
    struct run *run = userdata;
    size_t length = strlen(line);
    enum openocd_stage before = run->transcript.stage;

    CLAIM(length > 0 && length < LINES_MAX);
    CLAIM(utf8_is_printable(line, length));
    run->n++;
    for (size_t i = 0; i <= length; i++)
        run->sum = (run->sum ^ (uint8_t)line[i]) * UINT64_C(0x100000001b3);

    struct transcript_line said = transcript_feed(&run->transcript, line);
    CLAIM(said.priority >= 0 && said.priority <= 7);
    /* A run that begins again tells its first stage anew, be it the same. */
    CLAIM(said.stage_changed || run->transcript.stage == before);
}

static void feed(struct run *run, const uint8_t *data, size_t size, size_t piece)
{
    memset(run, 0, sizeof(*run));
    transcript_init(&run->transcript);
    for (size_t at = 0; at < size; at += piece)
        lines_feed(&run->lines, (const char *)data + at, size - at < piece ? size - at : piece,
                   take_line, run);
    lines_finish(&run->lines, take_line, run);
}

static void claim_sound(const struct transcript *transcript)
{
    CLAIM(openocd_stage_name(transcript->stage));
    CLAIM(openocd_code_name(transcript->suspected));
    CLAIM(memchr(transcript->error, '\0', sizeof(transcript->error)));
    CLAIM(utf8_is_printable(transcript->error, strlen(transcript->error)));
}

static void claim_verdict(const struct transcript *transcript, enum openocd_end end, int status)
{
    enum openocd_code code = transcript_verdict(transcript, end, status);

    CLAIM(openocd_code_name(code) && openocd_code_sentence(code));
    if (code == OPENOCD_OK)
        CLAIM(end == OPENOCD_END_EXITED && status == 0 && transcript->done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, pieces;

    feed(&whole, data, size, size > 0 ? size : 1);
    feed(&pieces, data, size, 1 + size % 13);
    CLAIM(whole.n == pieces.n && whole.sum == pieces.sum);
    CLAIM(whole.transcript.stage == pieces.transcript.stage);
    CLAIM(whole.transcript.suspected == pieces.transcript.suspected);
    claim_sound(&whole.transcript);
    for (int end = OPENOCD_END_NOT_STARTED; end <= OPENOCD_END_DEADLINE; end++)
        for (int status = 0; status < 2; status++)
            claim_verdict(&whole.transcript, (enum openocd_end)end, status);
    return 0;
}

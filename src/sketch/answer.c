/*
 * Judging the checker's answer. Every rule here is about consistency: whoever uses the report
 * afterwards (buffer sizes, sector loops, texts for journal and bus) need not check again.
 */
#include "sketch/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sketch/rules.h"

static const char answer_magic[ANSWER_MAGIC_SIZE] = {'m', '4', 'f', 'l', 'a', 's', 'h', 1};

void answer_make_request(uint64_t needed, struct answer_head *ret)
{
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->magic, answer_magic, sizeof(answer_magic));
    ret->version = ANSWER_VERSION;
    ret->needed = needed;
}

void answer_make_head(const struct sketch_report *report, struct answer_head *ret)
{
    answer_make_request(0, ret);
    ret->report = *report;
}

void answer_make_signature(const struct signature_verdict *verdict, struct answer_signature *ret)
{
    memcpy(ret->magic, answer_magic, sizeof(answer_magic));
    ret->verdict = *verdict;
}

void answer_make_tail(const char *sha256, struct answer_tail *ret)
{
    memcpy(ret->magic, answer_magic, sizeof(answer_magic));
    memcpy(ret->sha256, sha256, SKETCH_DIGEST_HEX);
}

char *answer_cage_lacks(uint32_t cage, char *ret, size_t size)
{
    static const struct {
        enum answer_cage bit;
        const char *name;
    } parts[] = {
        {ANSWER_CAGE_USER, "a user of its own"},
        {ANSWER_CAGE_LIMITS, "resource limits"},
        {ANSWER_CAGE_FILES, "Landlock or chroot"},
        {ANSWER_CAGE_SYSCALLS, "a system call filter"},
    };
    size_t used = 0;

    *ret = '\0';
    for (size_t i = 0; i < ELEMENTSOF(parts) && used < size; i++)
        if (!(cage & parts[i].bit))
            used += (size_t)snprintf(ret + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     parts[i].name);
    return ret;
}

static bool is_zero(const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

int answer_check_signature(const struct answer_signature *signature, uint32_t n_keys)
{
    const struct signature_verdict *verdict = &signature->verdict;

    if (memcmp(signature->magic, answer_magic, sizeof(answer_magic)) != 0 ||
        verdict->state >= _SIGNATURE_STATE_MAX)
        return -EBADMSG;
    if (verdict->state == SIGNATURE_GOOD ? verdict->signer >= n_keys : verdict->signer != 0)
        return -EBADMSG;
    if (verdict->state != SIGNATURE_FOREIGN && !is_zero(verdict->key, sizeof(verdict->key)))
        return -EBADMSG;
    return 0;
}

static bool is_digest(const char hex[static SKETCH_DIGEST_HEX])
{
    for (size_t i = 0; i < SKETCH_DIGEST_HEX - 1; i++)
        if (!(hex[i] >= '0' && hex[i] <= '9') && !(hex[i] >= 'a' && hex[i] <= 'f'))
            return false;
    return hex[SKETCH_DIGEST_HEX - 1] == '\0';
}

/* One line of printable ASCII that ends in the buffer, with nothing hidden behind its end. */
static bool is_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return length < size && is_zero(text + length, size - length);
}

static bool is_checkers_code(enum sketch_code code)
{
    if (code == SKETCH_NOT_REGULAR || code == SKETCH_UNREADABLE || code == SKETCH_TOO_LARGE ||
        code == SKETCH_OWNER || code == SKETCH_SIGNATURE)
        return false; /* judged by who opens the file, and asks for a signature */
    return sketch_code_name(code) != NULL;
}

static bool texts_fit(const struct sketch_report *report)
{
    bool accepted = report->code == SKETCH_ACCEPTED;

    return is_text(report->sentence, sizeof(report->sentence)) &&
           is_text(report->hint, sizeof(report->hint)) &&
           (report->sentence[0] == '\0') == accepted && (report->hint[0] == '\0') == accepted;
}

/* The fields that only an accepted sketch has are the report's last; padding follows them. */
static bool accepted_fields_are_zero(const struct sketch_report *report)
{
    size_t start = offsetof(struct sketch_report, image_size);
    size_t end = offsetof(struct sketch_report, entry_point) + sizeof(report->entry_point);

    return is_zero((const char *)report + start, end - start);
}

/* What of the image lies in a sector. */
static uint64_t sector_room(const struct board *board, uint32_t image_size, uint32_t sector)
{
    uint64_t start = (uint64_t)sector * board->sector_size;
    uint64_t room = image_size > start ? image_size - start : 0;

    return room < board->sector_size ? room : board->sector_size;
}

static bool sectors_fit(const struct board *board, const struct sketch_report *report)
{
    uint32_t last = (report->image_size - 1) / board->sector_size, sectors = 0;
    uint64_t used = 0;

    if (last >= BOARD_SECTORS_MAX)
        return false;
    for (uint32_t i = 0; i < BOARD_SECTORS_MAX; i++) {
        if (report->sector_used[i] > sector_room(board, report->image_size, i))
            return false;
        used += report->sector_used[i];
        sectors += report->sector_used[i] > 0;
    }
    return used == report->flash_used && sectors == report->sectors &&
           report->sector_used[0] >= VECTOR_TABLE_MIN && report->sector_used[last] > 0;
}

static bool ram_fits(const struct board *board, const struct sketch_report *report)
{
    uint64_t total = 0;

    for (size_t i = 0; i < board->n_ram; i++)
        total += board->ram[i].size;
    return report->ram_used <= total;
}

static bool addresses_fit(const struct board *board, const struct sketch_report *report)
{
    struct range image = {board->flash.start, report->image_size};

    return board_starts_with(board, report->stack_pointer) && report->stack_pointer % 8 == 0 &&
           board_has_stack_top(board, report->stack_pointer) && (report->reset_vector & 1) &&
           range_contains(image, report->reset_vector & ~UINT32_C(1)) &&
           range_contains(image, report->entry_point & ~UINT32_C(1));
}

static bool accepted_fields_fit(const struct board *board, const struct sketch_report *report)
{
    return report->image_size >= VECTOR_TABLE_MIN && report->image_size <= board->flash.size &&
           sectors_fit(board, report) && ram_fits(board, report) && addresses_fit(board, report);
}

static bool is_head(const struct answer_head *head)
{
    return memcmp(head->magic, answer_magic, sizeof(answer_magic)) == 0 &&
           head->version == ANSWER_VERSION && !(head->cage & ~(uint32_t)ANSWER_CAGE_ALL);
}

int answer_check_request(const struct sketch_gap *missing, const struct answer_head *head)
{
    return is_head(head) && head->needed > missing->start && head->needed <= missing->end &&
                   is_zero(&head->report, sizeof(head->report))
               ? 0
               : -EBADMSG;
}

int answer_check_head(const struct board *board, const struct answer_head *head)
{
    const struct sketch_report *report = &head->report;
    bool accepted = report->code == SKETCH_ACCEPTED;

    if (!is_head(head) || head->needed != 0)
        return -EBADMSG;
    if (!is_checkers_code(report->code) || !texts_fit(report))
        return -EBADMSG;
    if (report->code == SKETCH_TRUNCATED ? report->needed_size < sizeof(Elf32_Ehdr)
                                         : report->needed_size != 0)
        return -EBADMSG;
    if (accepted)
        return accepted_fields_fit(board, report) ? 0 : -EBADMSG;
    return accepted_fields_are_zero(report) ? 0 : -EBADMSG;
}

/* The words that decide whether and where the M4 starts, in the chip's byte order. */
static uint32_t vector(const uint8_t *image, size_t index)
{
    const uint8_t *bytes = image + 4 * index;

    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int answer_check_image(const struct answer_head *head, const uint8_t *image)
{
    return vector(image, 0) == head->report.stack_pointer &&
                   vector(image, 1) == head->report.reset_vector
               ? 0
               : -EBADMSG;
}

int answer_check_tail(const struct answer_tail *tail)
{
    return memcmp(tail->magic, answer_magic, sizeof(answer_magic)) == 0 && is_digest(tail->sha256)
               ? 0
               : -EBADMSG;
}

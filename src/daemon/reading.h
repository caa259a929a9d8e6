/*
 * Reads uploads from the inbox, and decides which readings are one and the same upload. A file that
 * is not all there, or that somebody writes to while it is read, waits for the rest.
 */
#pragma once

#include "daemon/manager.h"

enum reading_reason {
    READING_ARRIVAL, /* an event says that an upload is complete */
    READING_SCAN,    /* found by looking */
    READING_SILENCE, /* nothing more came for the job that waits */
};

/*
 * Reads what is in the inbox now, for the job that it belongs to. The events that came during the
 * reading are to be heard before reading_settle().
 */
void reading_take(struct manager *manager, enum reading_reason reason);

/* Passes on the job that was read last, if there is one. */
void reading_settle(struct manager *manager);

/*
 * A reading turned out to be incomplete, or was written to meanwhile: the job waits for the rest,
 * ends with its rejection if it has waited, or turns out to be the beginning of a newer job's,
 * overtaken, or deleted.
 */
void reading_incomplete(struct manager *manager, struct job *job);

/* Somebody writes to the file. */
void reading_disturb(struct manager *manager);

/* Opens and ends a job for an upload that was gone before it could be read: replaced, or deleted.
 */
void reading_close_overtaken(struct manager *manager);
void reading_close_deleted(struct manager *manager);

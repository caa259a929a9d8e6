/* Moves jobs on: one is checked at a time, one is programmed at a time, the newest accepted one
 * waits. */
#pragma once

#include "daemon/manager.h"

/*
 * Makes room for one more job by giving up the oldest unchecked one: only a flood within
 * milliseconds gets here.
 */
void queue_make_room(struct manager *manager);

/* A newer job takes the place of the one that waits for the programmer. */
void queue_give_way(struct manager *manager);

/* The checker's answer about a job in state CHECKING, which may keep the image. */
void queue_take_answer(struct manager *manager, struct job *job, struct check_answer *answer);

/*
 * The verdict of an answer whose end, and with it the upload's digest, is still to come. An
 * accepted job need not wait for that: it is unconfirmed meanwhile, and nobody has been told yet.
 */
void queue_take_verdict(struct manager *manager, struct job *job, struct check_answer *answer);

/* Tells the journal that it is accepted. */
void queue_tell_accepted(const struct manager *manager, const struct job *job);

/* Starts whatever can be started now. */
void queue_run(struct manager *manager);

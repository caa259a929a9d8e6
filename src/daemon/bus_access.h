/*
 * Who may change something: root, whom the daemon itself runs as, and the members of the group
 * m4flash. The bus's policy file (units/org.m4flash.conf) says the same; this holds wherever that
 * is missing or was widened.
 *
 * The bus knows who a sender is, and is asked without waiting for its answer: a bus that stalls
 * must not hold the daemon up.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "util/cleanup.h"

struct bus_access;

/* For the calls that come over one connection. Returns 0 or -ENOMEM. */
int bus_access_new(sd_bus *bus, struct bus_access **ret);

enum bus_right {
    BUS_RIGHT_MEMBER, /* members of the group may */
    BUS_RIGHT_ROOT,   /* only root, and whom the daemon runs as */
};

/*
 * Has a call done by act, called with userdata from the event loop, once its sender is known and
 * may; else it is answered with an error. act answers by itself, or returns an error that is sent.
 * Returns what a method handler returns.
 */
int bus_access_check(struct bus_access *access, enum bus_right right, sd_bus_message *call,
                     sd_bus_message_handler_t act, void *userdata, sd_bus_error *ret_error);

/* Calls that still wait stay without an answer. Takes and returns NULL. */
struct bus_access *bus_access_free(struct bus_access *access);
DEFINE_CLEANUP(struct bus_access *, bus_access_free)

/* The socket and the signals: one client at a time, and every reason to wake up as an event. */
#pragma once

#include <stddef.h>

enum server_event {
    SERVER_CLIENT_CAME,
    SERVER_CLIENT_SENT,
    SERVER_CLIENT_LEFT,
    SERVER_REPORT, /* SIGUSR1 */
    SERVER_END,    /* SIGTERM or SIGINT */
};

#define SERVER_BUFFER 65536

struct server;

/* Blocks the signals above for the whole process; to be called before anything else may be
 * interrupted by them. Returns a signalfd for server_new() or a negative errno. */
int server_block_signals(void);

/* Listens on a socket at path, replacing what is there; once the path exists, a connection to it is
 * accepted. The path must outlive the server, which owns signal_fd from here on, also on failure.
 * Returns 0 or a negative errno. */
int server_new(const char *path, int signal_fd, struct server **ret);

/* Removes the socket, too. */
void server_free(struct server *server);

/* Waits for what happens next. Of SERVER_CLIENT_SENT, the bytes are in buffer (SERVER_BUFFER long)
 * and their number in *ret_size. Returns 0 or a negative errno. */
int server_next(struct server *server, char *buffer, enum server_event *ret_event,
                size_t *ret_size);

/* Queues up to SERVER_BUFFER bytes for the client; call it once for each SERVER_CLIENT_SENT at
 * most. They leave in the next server_next(), which reads no more before they have. */
void server_send(struct server *server, const char *bytes, size_t size);

/* Sends what is queued if it can be sent at once, and ends the connection; SERVER_CLIENT_LEFT does
 * not follow. */
void server_close_client(struct server *server);

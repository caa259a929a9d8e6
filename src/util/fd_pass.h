/* Hands an open descriptor to another process, with a byte that says what it is for, and more. */
#pragma once

#include <stddef.h>

/*
 * Over a connected Unix socket. The descriptor stays the caller's. Returns 0; -EPIPE or -ECONNRESET
 * if nobody is left at the other end; or -errno. Raises no SIGPIPE.
 */
int fd_send(int socket, char byte, int fd);

/*
 * Waits for a byte that comes with one descriptor, close-on-exec. Returns 1 with both set; 0 at the
 * end of file; -EBADMSG if the byte came with none or with several; or -errno.
 */
int fd_receive(int socket, char *ret_byte, int *ret_fd);

/* Sends more bytes, all of them. Returns as fd_send(). */
int fd_send_rest(int socket, const void *data, size_t size);

/*
 * Receives more bytes, with recvmsg() alone, which is all that a process that is locked up may
 * call. Returns 0; -EBADMSG at the end of file before size bytes, or if descriptors come too; or
 * -errno.
 */
int fd_receive_rest(int socket, void *ret, size_t size);

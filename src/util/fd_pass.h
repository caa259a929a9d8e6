/* Hands an open descriptor to another process, with one byte that says what it is for. */
#pragma once

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

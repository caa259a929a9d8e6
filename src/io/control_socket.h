/* Where a running daemon takes requests: a local socket in its runtime folder, for root alone. */
#pragma once

/*
 * Makes RUNTIME_DIR/control, mode 0600, in place of one that a dead daemon has left, and listens.
 * Returns a non-blocking descriptor or -errno.
 */
int control_socket_listen(const char *runtime_dir);

/* Removes the name again. */
void control_socket_remove(const char *runtime_dir);

/*
 * Returns a blocking descriptor; -ENOENT or -ECONNREFUSED if no daemon listens there; or another
 * -errno.
 */
int control_socket_connect(const char *runtime_dir);

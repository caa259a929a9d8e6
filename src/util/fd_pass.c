#include "util/fd_pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "util/cleanup.h"

/* Room for one descriptor, aligned as its header. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int fd_send(int socket, char byte, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec content = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };

    control.header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL) == 1)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
}

/* The one descriptor that came, or -EBADF. What has no room the kernel has closed, and says so. */
static int received(struct msghdr *message)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    int fd;

    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int)))
        return -EBADF;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

int fd_receive(int socket, char *ret_byte, int *ret_fd)
{
    union control control;
    struct iovec content = {.iov_base = ret_byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_LEN(sizeof(int)), /* the padding would hold a second one */
    };
    ssize_t n;

    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    _cleanup_fd_ int fd = received(&message);
    if (n == 0)
        return 0;
    if (fd < 0 || (message.msg_flags & MSG_CTRUNC))
        return -EBADMSG;
    *ret_fd = TAKE_FD(fd);
    return 1;
}

int fd_send_rest(int socket, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = send(socket, (const char *)data + done, size - done, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return 0;
}

int fd_receive_rest(int socket, void *ret, size_t size)
{
    for (size_t done = 0; done < size;) {
        struct iovec content = {.iov_base = (char *)ret + done, .iov_len = size - done};
        struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};

        ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 || (message.msg_flags & MSG_CTRUNC))
            return -EBADMSG;
        done += (size_t)n;
    }
    return 0;
}

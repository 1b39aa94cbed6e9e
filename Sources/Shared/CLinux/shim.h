// The Linux calls that Swift's Glibc module hides (headers it leaves out, functions behind _GNU_SOURCE),
// declared once for everybody. _GNU_SOURCE itself must stay off: it changes structs that Glibc's module has.
#ifndef SLIDING_STOCK_CLINUX_H
#define SLIDING_STOCK_CLINUX_H
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/types.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
int pipe2(int descriptors[2], int flags);
int pthread_setname_np(pthread_t thread, const char *name);
pid_t gettid(void);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

#endif

/*
 * Stops the program with SIGSTOP at one step of its registration, as $RTTNG_MORTAL_HALT says: "begin" before the tracer
 * does anything, "connect=N" when the Nth connection to a session daemon is made, before anything is said on it,
 * "reply=N" before the Nth answer to a command.
 *
 * The tracer calls these functions instead of those of the C library.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* What a tracer's answer to a command is long. */
#define REPLY 324

static void step(const char *name, atomic_int *count)
{
	const char *halt = getenv("RTTNG_MORTAL_HALT");
	size_t len = strlen(name);
	int number = atomic_fetch_add(count, 1) + 1;

	if (halt && !strncmp(halt, name, len) && halt[len] == '=' && atoi(halt + len + 1) == number)
		raise(SIGSTOP);
}

static void begin(int argc, char **argv, char **environment)
{
	static const char wanted[] = "RTTNG_MORTAL_HALT=begin";

	for (; *environment; environment++)
		if (!strcmp(*environment, wanted))
			raise(SIGSTOP);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_all)(int, char **, char **) = begin;

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	static atomic_int connections;
	int result = (int) syscall(SYS_connect, fd, to, len);

	if (!result && to->sa_family == AF_UNIX && strstr(((const struct sockaddr_un *) to)->sun_path, "lttng-ust-sock"))
		step("connect", &connections);
	return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	static atomic_int replies;

	if (message->msg_iovlen == 1 && message->msg_iov[0].iov_len == REPLY)
		step("reply", &replies);
	return syscall(SYS_sendmsg, fd, message, flags);
}

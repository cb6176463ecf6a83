/*
 * Abuses a Unix socket in one of many ways, reproducibly.
 *
 *   vandal HOW SOCKET [SEED [COUNT]]
 *
 *   garbage   COUNT connections, each with random bytes
 *   huge      COUNT connections, each with bytes for as long as they are taken, at most 16 MiB
 *   silent    COUNT connections at once, on which nothing is said, held until killed
 *   partial   COUNT connections at once, each with the beginning of what would be a registration, held until killed
 *   register  COUNT registrations, each wrong in one field; each must be closed without a word
 *   liar      registers as an application does, answers each command with random bytes; COUNT times
 *   notify    registers, then sends registrations of events with absurd counts; COUNT times
 *   request   COUNT client requests that are random beyond their command number, each read to the end of its answer
 *   mistaken  registers, answers each command as if it were for another object; says whether it was "kept" or "dropped"
 *   fds       COUNT connections, each with descriptors that nobody asked for
 *
 * Prints "ready" once connections that are held are open, "done" at its end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 13156

struct registration {
	uint32_t magic, major, minor, pid, ppid, uid, gid, bits, align[5], type;
	char name[16];
	char pad[64];
};
_Static_assert(sizeof(struct registration) == 136, "a registration record");

static const char *path;
static uint64_t seed = 1;

static uint32_t chance(void)
{
	seed += 0x9e3779b97f4a7c15;
	uint64_t x = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (uint32_t) (x ^ (x >> 31));
}

static void fill(void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *) bytes)[i] = (uint8_t) chance();
}

static int open_socket(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof(to))) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* A peer that has seen enough may have closed. */
static ssize_t put(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, MSG_NOSIGNAL);
}

/* Whether the peer closed within ten seconds, whatever it said before. */
static int closes(int fd)
{
	struct timespec now;
	char bytes[4096];

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (time_t until = now.tv_sec + 10; now.tv_sec < until; clock_gettime(CLOCK_MONOTONIC, &now)) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };

		if (poll(&poller, 1, 1000) == 1 && recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return 1;
	}
	return 0;
}

static struct registration self(uint32_t type)
{
	struct registration own = {
		.magic = 0xC57C57C5, .major = 9, .pid = (uint32_t) getpid(), .ppid = (uint32_t) getppid(),
		.uid = getuid(), .gid = getgid(), .bits = 64, .align = { 8, 8, 8, 8, 8 }, .type = type,
		.name = "vandal",
	};
	return own;
}

static void hold(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static void wrong_registration(int n)
{
	struct registration wrong = self(0);
	int fd = open_socket();

	switch (n % 6) {
	case 0: wrong.magic = chance(); break;
	case 1: wrong.magic = __builtin_bswap32(wrong.magic); break;
	case 2: wrong.major = 10 + chance() % 1000; break;
	case 3: wrong.type = 2 + chance() % 1000; break;
	case 4: wrong.bits = chance(); break;
	/* The second connection without a first. */
	case 5: wrong.type = 1; break;
	}
	put(fd, &wrong, sizeof(wrong));
	if (!closes(fd)) {
		fprintf(stderr, "registration %d was not refused\n", n);
		exit(1);
	}
	close(fd);
}

/* In a process of its own: one process is one application. */
static void lie(int n, int on_notify)
{
	pid_t child = fork();

	if (child == 0) {
		struct registration command_record = self(0), notify_record = self(1);
		int command = open_socket(), notify;
		char bytes[1024];

		/* Answers of the right size keep it registered for as long as it lives. */
		alarm(3);
		put(command, &command_record, sizeof(command_record));
		notify = open_socket();
		put(notify, &notify_record, sizeof(notify_record));
		seed += (uint64_t) n << 32;
		if (on_notify) {
			uint32_t wild[316 / 4] = { 0 };

			/* Command 0 to 3; lengths and counts as large as they get. */
			wild[0] = (uint32_t) n % 4;
			for (size_t i = 1; i < sizeof(wild) / sizeof(wild[0]); i++)
				wild[i] = chance() % 3 ? chance() : 0xffffffff;
			put(notify, wild, sizeof(wild));
			for (int i = 0; i < 64; i++) {
				fill(bytes, sizeof(bytes));
				if (put(notify, bytes, sizeof(bytes)) < 0)
					break;
			}
			_exit(0);
		}
		while (recv(command, bytes, sizeof(bytes), 0) > 0) {
			fill(bytes, sizeof(bytes));
			/* Too little, one record, too much. */
			if (put(command, bytes, n % 3 == 0 ? 100 : n % 3 == 1 ? 324 : sizeof(bytes)) < 0 || n % 3 == 0)
				break;
		}
		_exit(0);
	}
	if (child < 0) {
		perror("fork");
		exit(1);
	}
}

static void mistaken(void)
{
	struct registration command_record = self(0), notify_record = self(1);
	int command = open_socket(), notify;
	char request[612];
	uint32_t reply[324 / 4];

	put(command, &command_record, sizeof(command_record));
	notify = open_socket();
	put(notify, &notify_record, sizeof(notify_record));
	for (int answered = 0;;) {
		struct pollfd poller = { .fd = command, .events = POLLIN };

		/* The first command may take its time. */
		if (poll(&poller, 1, answered ? 2000 : 20000) == 0) {
			printf("kept after %s\n", answered ? "answers" : "nothing");
			break;
		}
		if (recv(command, request, sizeof(request), MSG_WAITALL) != (ssize_t) sizeof(request)) {
			puts("dropped");
			break;
		}
		memset(reply, 0, sizeof(reply));
		memcpy(reply, request, 2 * sizeof(uint32_t));
		reply[0] ^= 0x55;
		put(command, reply, sizeof(reply));
		answered++;
	}
	close(notify);
	close(command);
}

static void request(int n)
{
	static uint8_t bytes[REQUEST];
	uint32_t command = (uint32_t) n % 60, wild = chance();
	int fd = open_socket();

	memset(bytes, 0, sizeof(bytes));
	/* All random, random here and there, or nothing but the number. */
	if (n / 60 % 3 == 0)
		fill(bytes, sizeof(bytes));
	else if (n / 60 % 3 == 1)
		for (int i = 0; i < 40; i++)
			bytes[4 + chance() % (REQUEST - 4)] = (uint8_t) chance();
	memcpy(bytes, &command, sizeof(command));
	put(fd, bytes, sizeof(bytes));
	for (int i = 0; i < (int) (wild % 4); i++) {
		uint8_t tail[512];

		fill(tail, sizeof(tail));
		put(fd, tail, sizeof(tail));
	}
	shutdown(fd, SHUT_WR);
	if (!closes(fd)) {
		fprintf(stderr, "request %d was not answered\n", n);
		exit(1);
	}
	close(fd);
}

static void descriptors(void)
{
	int fd = open_socket(), null = open("/dev/null", O_RDONLY);
	char control[CMSG_SPACE(200 * sizeof(int))], zero = 0;
	struct iovec data = { &zero, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(200 * sizeof(int));
	for (int i = 0; i < 200; i++)
		memcpy(CMSG_DATA(header) + (size_t) i * sizeof(int), &null, sizeof(int));
	for (int i = 0; i < 20; i++)
		if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	close(null);
	close(fd);
}

static void huge(void)
{
	static uint8_t bytes[1 << 16];
	int fd = open_socket();

	fcntl(fd, F_SETFL, O_NONBLOCK);
	fill(bytes, sizeof(bytes));
	for (int i = 0; i < 256; i++) {
		struct pollfd poller = { .fd = fd, .events = POLLOUT };

		/* A peer that takes no more for a while has had enough. */
		if (poll(&poller, 1, 100) != 1 || put(fd, bytes, sizeof(bytes)) < 0)
			break;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int count = argc > 4 ? atoi(argv[4]) : 1;
	struct rlimit files;

	if (argc < 3) {
		fprintf(stderr, "vandal HOW SOCKET [SEED [COUNT]]\n");
		return 2;
	}
	path = argv[2];
	if (argc > 3)
		seed = strtoull(argv[3], NULL, 10);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (int n = 0; n < count; n++) {
		struct registration own = self((uint32_t) n % 2);
		uint8_t bytes[1024];

		if (!strcmp(how, "garbage")) {
			int fd = open_socket();

			fill(bytes, sizeof(bytes));
			put(fd, bytes, 1 + chance() % sizeof(bytes));
			close(fd);
		} else if (!strcmp(how, "huge")) {
			huge();
		} else if (!strcmp(how, "silent")) {
			open_socket();
		} else if (!strcmp(how, "partial")) {
			put(open_socket(), &own, 1 + chance() % (sizeof(own) - 1));
		} else if (!strcmp(how, "register")) {
			wrong_registration(n);
		} else if (!strcmp(how, "liar") || !strcmp(how, "notify")) {
			lie(n, how[0] == 'n');
		} else if (!strcmp(how, "request")) {
			request(n);
		} else if (!strcmp(how, "mistaken")) {
			mistaken();
		} else if (!strcmp(how, "fds")) {
			descriptors();
		} else {
			return 2;
		}
	}
	if (!strcmp(how, "silent") || !strcmp(how, "partial"))
		hold();
	while (wait(NULL) > 0)
		continue;
	puts("done");
	return 0;
}

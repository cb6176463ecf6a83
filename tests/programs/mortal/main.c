/*
 * Fires rttng_mortal:tick, slowly if asked, on one processor, and may end between the reservation of a record and its
 * commit: by SIGKILL, or by stopping there with SIGSTOP.
 *
 *   --events N   ticks (default 10), numbered from 0
 *   --pace US    sleep between two
 *   --until FILE ticks until this file exists instead
 *   --ready FILE create this file after the first tick
 *   --kill       then die in the middle of rttng_mortal:end
 *   --stop       then stop in the middle of it, and go on when continued
 *
 * $RTTNG_MORTAL_NAME becomes the name of the process before it registers. $RTTNG_MORTAL_HALT has it stop with SIGSTOP
 * while it registers: see halt.c.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mortal_provider.h"

static int last_signal;

uint64_t last_words(void)
{
	raise(last_signal);
	return 7;
}

/* Runs before the tracer's own constructor, which reads the name that it registers with. */
static void take_name(int argc, char **argv, char **environment)
{
	static const char variable[] = "RTTNG_MORTAL_NAME=";

	for (; *environment; environment++)
		if (!strncmp(*environment, variable, sizeof(variable) - 1))
			prctl(PR_SET_NAME, *environment + sizeof(variable) - 1);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_all)(int, char **, char **) = take_name;

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "events", required_argument, NULL, 'e' }, { "pace", required_argument, NULL, 'p' },
		{ "kill", no_argument, NULL, 'k' }, { "stop", no_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' }, { "ready", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t events = 10;
	useconds_t pace = 0;
	cpu_set_t first;
	const char *until = NULL, *ready = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e': events = strtoull(optarg, NULL, 0); break;
		case 'p': pace = (useconds_t) strtoul(optarg, NULL, 0); break;
		case 'k': last_signal = SIGKILL; break;
		case 'u': until = optarg; break;
		case 'r': ready = optarg; break;
		case 's': last_signal = SIGSTOP; break;
		default: return 2;
		}
	}
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first)) {
		perror("sched_setaffinity");
		return 1;
	}
	if (until)
		events = UINT64_MAX;
	for (uint64_t seq = 0; seq < events; seq++) {
		if (until && !access(until, F_OK)) {
			events = seq;
			break;
		}
		lttng_ust_tracepoint(rttng_mortal, tick, seq);
		if (ready && seq == 0) {
			FILE *file = fopen(ready, "w");

			if (!file || fclose(file)) {
				perror(ready);
				return 1;
			}
		}
		if (pace)
			usleep(pace);
	}
	if (last_signal)
		lttng_ust_tracepoint(rttng_mortal, end, events);
	printf("done %llu\n", (unsigned long long) events);
	return 0;
}

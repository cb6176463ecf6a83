/*
 * Traces flat out, for measurements: every thread fires its events in a bare loop.
 * Prints, for all threads together, the events, the wall time and the threads' own processor time in nanoseconds:
 *   events 2000000 wall_ns 170000000 cpu_ns 330000000
 *
 *   --events N    per thread (default 1000000)
 *   --threads N   (default 1), each pinned to a processor of its own as far as there are enough
 *   --text        fire rttng_load:text (integer and string) instead of rttng_load:number (integer)
 *   --word        the same with a string of 11 bytes
 *   --eights      fire rttng_load:number eight times in each turn of the loop, so that the loop itself costs little
 *   --wait-for FILE  print "ready", and do not begin before this file exists
 *   --idle SECONDS   fire one event a thread and stay: an application for crowds
 *   --once-enabled SECONDS   stay as long, and from when the event is enabled fire one each millisecond for a second
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "load_provider.h"

static uint64_t events = 1000000;
static int text, word, eights;
static pthread_barrier_t start;

struct spent {
	int thread;
	uint64_t begin_ns, end_ns, cpu_ns;
};

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t) time.tv_sec * 1000000000 + (uint64_t) time.tv_nsec;
}

static void pin(int thread)
{
	cpu_set_t allowed, chosen;
	int wanted;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	wanted = thread % CPU_COUNT(&allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &allowed) && wanted-- == 0) {
			CPU_ZERO(&chosen);
			CPU_SET(cpu, &chosen);
			pthread_setaffinity_np(pthread_self(), sizeof(chosen), &chosen);
			return;
		}
	}
}

static void *run(void *argument)
{
	struct spent *spent = argument;
	uint64_t cpu;

	pin(spent->thread);
	pthread_barrier_wait(&start);
	spent->begin_ns = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	if (word)
		for (uint64_t seq = 0; seq < events; seq++)
			lttng_ust_tracepoint(rttng_load, text, seq, "eleven byte");
	else if (text)
		for (uint64_t seq = 0; seq < events; seq++)
			lttng_ust_tracepoint(rttng_load, text, seq, "a text of exactly 32 characters.");
	else if (eights)
		for (uint64_t seq = 0; seq < events; seq += 8) {
			lttng_ust_tracepoint(rttng_load, number, seq);
			lttng_ust_tracepoint(rttng_load, number, seq + 1);
			lttng_ust_tracepoint(rttng_load, number, seq + 2);
			lttng_ust_tracepoint(rttng_load, number, seq + 3);
			lttng_ust_tracepoint(rttng_load, number, seq + 4);
			lttng_ust_tracepoint(rttng_load, number, seq + 5);
			lttng_ust_tracepoint(rttng_load, number, seq + 6);
			lttng_ust_tracepoint(rttng_load, number, seq + 7);
		}
	else
		for (uint64_t seq = 0; seq < events; seq++)
			lttng_ust_tracepoint(rttng_load, number, seq);
	spent->cpu_ns = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	spent->end_ns = now(CLOCK_MONOTONIC);
	return NULL;
}

/* The sleeps before are long enough for hundreds of these to be idle together. */
static void fire_once_enabled(int seconds)
{
	for (int tries = 0; tries < seconds * 100; tries++) {
		if (lttng_ust_tracepoint_enabled(rttng_load, number)) {
			for (uint64_t seq = 0; seq < 1000; seq++) {
				lttng_ust_tracepoint(rttng_load, number, seq);
				usleep(1000);
			}
			sleep((unsigned) seconds);
			return;
		}
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "events", required_argument, NULL, 'e' },   { "threads", required_argument, NULL, 't' },
		{ "text", no_argument, &text, 1 },	      { "word", no_argument, &word, 1 },
		{ "eights", no_argument, &eights, 1 },
		{ "wait-for", required_argument, NULL, 'w' },
		{ "idle", required_argument, NULL, 'i' },     { "once-enabled", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	const char *wait_for = NULL;
	int threads = 1, idle = 0, once_enabled = 0, option;
	uint64_t begin = UINT64_MAX, end = 0, cpu = 0;
	struct spent spent[64];
	pthread_t ids[64];

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 0: break;
		case 'e': events = strtoull(optarg, NULL, 10); break;
		case 't': threads = atoi(optarg); break;
		case 'w': wait_for = optarg; break;
		case 'i': idle = atoi(optarg); break;
		case 'o': once_enabled = atoi(optarg); break;
		default: return 2;
		}
	}
	if (threads < 1 || threads > 64) {
		fprintf(stderr, "--threads takes 1 to 64\n");
		return 2;
	}
	if (wait_for) {
		puts("ready");
		fflush(stdout);
		while (access(wait_for, F_OK))
			usleep(2000);
	}
	if (idle) {
		lttng_ust_tracepoint(rttng_load, number, 0);
		sleep((unsigned) idle);
		return 0;
	}
	if (once_enabled) {
		fire_once_enabled(once_enabled);
		return 0;
	}
	pthread_barrier_init(&start, NULL, (unsigned) threads);
	for (int i = 0; i < threads; i++) {
		spent[i].thread = i;
		if (pthread_create(&ids[i], NULL, run, &spent[i])) {
			perror("pthread_create");
			return 1;
		}
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		cpu += spent[i].cpu_ns;
		begin = spent[i].begin_ns < begin ? spent[i].begin_ns : begin;
		end = spent[i].end_ns > end ? spent[i].end_ns : end;
	}
	printf("events %llu wall_ns %llu cpu_ns %llu\n", (unsigned long long) events * (unsigned) threads,
	       (unsigned long long) (end - begin), (unsigned long long) cpu);
	return 0;
}

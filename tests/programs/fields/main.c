/*
 * Fires every kind of event that lttng-ust(3) knows, with values that follow from the thread and the round alone,
 * and says at its end how many events it fired.
 *
 *   --events N      rounds per thread (default 10); a round is 8 events of rttng_fields and 16 of rttng_levels
 *   --threads N     (default 1); threads of a forked child count from 100
 *   --rate N        rounds per second and thread (default: as fast as possible)
 *   --before MS     sleep before the first event
 *   --after MS      sleep after the last
 *   --wait-for FILE do not begin before this file exists
 *   --ready FILE    create this file when running (the tracer has had its chance to register)
 *   --fork          fork first: the child does the same as the parent
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fields_provider.h"
#include "levels_provider.h"

#define EVENTS_PER_ROUND 24
#define BLOB 6000

static uint64_t rounds = 10;
static uint64_t rate;
static char blob[BLOB];

/* No empty one: babeltrace2 2.0.4 prints what it last read instead. */
static const char *const strings[] = {
	"e", "plain", "with \"quotes\", {braces} and \\", "line\nbreak\ttab", "gr\xc3\xbc\xc3\x9f dich \xe2\x9c\x93",
	"a string that is longer than the ones before, so that an event crosses its alignment in another place",
};
static const double reals[] = { 0.0, 1.5, -2.25, 3.141592653589793, 1e300, -1e-300, 123456789.125 };

static void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time))
		continue;
}

/* The splitmix64 generator: good bits from any counter. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static void choose(struct values *v, int thread, uint64_t seq)
{
	uint64_t seed = mix((uint64_t) thread << 32 | seq);

	memset(v, 0, sizeof(*v));
	v->word = seed;
	v->real64 = reals[seed % (sizeof(reals) / sizeof(reals[0]))] * (double) (1 + seq % 3);
	v->real32 = (float) (seq % 1000) * 0.25f - (float) thread;
	v->string = strings[seed / 7 % (sizeof(strings) / sizeof(strings[0]))];
	snprintf(v->text, sizeof(v->text), "t%d", thread);
	v->length = seed / 11 % (RTTNG_LONGEST + 1);
	for (int i = 0; i < RTTNG_LONGEST; i++) {
		uint64_t word = mix(seed + (uint64_t) i);

		/* The ends of each range come often. */
		if (word % 5 == 0)
			word = ~0ULL;
		else if (word % 5 == 1)
			word = 0x8000800080008080ULL;
		v->i8[i] = (int8_t) word;
		v->i16[i] = (int16_t) word;
		v->i32[i] = (int32_t) word;
		v->i64[i] = (int64_t) word;
		v->u8[i] = (uint8_t) word;
		v->u16[i] = (uint16_t) word;
		v->u32[i] = (uint32_t) word;
		v->u64[i] = word;
		v->letters[i] = (char) ('a' + word % 26);
	}
	v->blob = blob;
	/* Larger than a page now and then. */
	v->blob_length = seq % 16 == 0 ? BLOB : seed % 64;
}

static void fire(int thread, uint64_t seq)
{
	struct values v;

	choose(&v, thread, seq);
	lttng_ust_tracepoint(rttng_fields, integers, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, floats, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, texts, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, arrays, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, sequences, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, enums, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, large, thread, seq, &v);
	lttng_ust_tracepoint(rttng_fields, nothing);
	lttng_ust_tracepoint(rttng_levels, emerg, thread, seq);
	lttng_ust_tracepoint(rttng_levels, alert, thread, seq);
	lttng_ust_tracepoint(rttng_levels, crit, thread, seq);
	lttng_ust_tracepoint(rttng_levels, err, thread, seq);
	lttng_ust_tracepoint(rttng_levels, warning, thread, seq);
	lttng_ust_tracepoint(rttng_levels, notice, thread, seq);
	lttng_ust_tracepoint(rttng_levels, info, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_system, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_program, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_process, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_module, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_unit, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_function, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug_line, thread, seq);
	lttng_ust_tracepoint(rttng_levels, debug, thread, seq);
	lttng_ust_tracepoint(rttng_levels, unlevelled, thread, seq);
}

static void *run(void *argument)
{
	int thread = (int) (intptr_t) argument;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t seq = 0; seq < rounds; seq++) {
		fire(thread, seq);
		if (rate) {
			next.tv_nsec += 1000000000L / (long) rate;
			next.tv_sec += next.tv_nsec / 1000000000L;
			next.tv_nsec %= 1000000000L;
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		}
	}
	return NULL;
}

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "events", required_argument, NULL, 'e' },   { "threads", required_argument, NULL, 't' },
		{ "rate", required_argument, NULL, 'r' },     { "before", required_argument, NULL, 'b' },
		{ "after", required_argument, NULL, 'a' },    { "wait-for", required_argument, NULL, 'w' },
		{ "ready", required_argument, NULL, 'y' },    { "fork", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int threads = 1, forks = 0, first = 0, status = 0, option;
	long before = 0, after = 0;
	const char *wait_for = NULL, *ready = NULL;
	pthread_t ids[64];
	pid_t child = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e': rounds = strtoull(optarg, NULL, 10); break;
		case 't': threads = atoi(optarg); break;
		case 'r': rate = strtoull(optarg, NULL, 10); break;
		case 'b': before = atol(optarg); break;
		case 'a': after = atol(optarg); break;
		case 'w': wait_for = optarg; break;
		case 'y': ready = optarg; break;
		case 'f': forks = 1; break;
		default: return 2;
		}
	}
	if (threads < 1 || threads > (int) (sizeof(ids) / sizeof(ids[0]))) {
		fprintf(stderr, "--threads takes 1 to %zu\n", sizeof(ids) / sizeof(ids[0]));
		return 2;
	}
	for (int i = 0; i < BLOB; i++)
		blob[i] = (char) ('A' + i % 26);
	if (ready) {
		int file = open(ready, O_CREAT | O_WRONLY, 0644);

		check(file < 0, ready);
		close(file);
	}
	while (wait_for && access(wait_for, F_OK))
		sleep_ms(5);
	if (forks) {
		child = fork();
		check(child < 0, "fork");
		if (child == 0)
			first = 100;
	}
	sleep_ms(before);
	for (int i = 0; i < threads; i++)
		check(pthread_create(&ids[i], NULL, run, (void *) (intptr_t) (first + i)) != 0, "pthread_create");
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	sleep_ms(after);
	printf("fired %llu\n", (unsigned long long) rounds * (unsigned) threads * EVENTS_PER_ROUND);
	fflush(stdout);
	if (child > 0)
		check(waitpid(child, &status, 0) != child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/*
 * Threads that fire events and are interrupted in the middle of them by signals whose handlers fire events, too:
 *   nested EVENTS THREADS
 * Each 16th event raises SIGUSR1 while it is being written; SIGUSR2 comes again and again, wherever a thread is.
 * Prints how many events the handlers fired.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nested_provider.h"

static uint64_t events;
static atomic_uint_fast64_t handled;
static atomic_int running;
static pthread_barrier_t start;

static void handle(int signal)
{
	(void) signal;
	lttng_ust_tracepoint(rttng_nested, inner, atomic_fetch_add(&handled, 1));
}

uint64_t while_writing(uint64_t number)
{
	if (number % 16 == 0)
		raise(SIGUSR1);
	return number;
}

static void *run(void *thread)
{
	pthread_barrier_wait(&start);
	for (uint64_t number = 0; number < events; number++)
		lttng_ust_tracepoint(rttng_nested, outer, (uint64_t) (uintptr_t) thread, number);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action;
	pthread_t ids[64];
	int threads;

	if (argc != 3 || (threads = atoi(argv[2])) < 1 || threads > 64)
		return 2;
	events = strtoull(argv[1], NULL, 10);
	running = threads;
	memset(&action, 0, sizeof(action));
	action.sa_handler = handle;
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	pthread_barrier_init(&start, NULL, (unsigned) threads);
	for (int i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], NULL, run, (void *) (uintptr_t) i)) {
			perror("pthread_create");
			return 1;
		}
	}
	while (running) {
		for (int i = 0; i < threads; i++)
			pthread_kill(ids[i], SIGUSR2);
		usleep(100);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("%llu\n", (unsigned long long) handled);
	return 0;
}

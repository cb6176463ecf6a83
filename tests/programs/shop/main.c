// A shop with some clerks, each a thread: `shop REQUESTS CLERKS`. Requests take a few microseconds, some many more; now
// and then there is a rush, and now and then a customer whose words are not to be taken for anything but words.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shop_provider.h"

static int requests;

static void work(unsigned ns)
{
	struct timespec now, until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
}

static void *clerk(void *argument)
{
	static const char *paths[] = { "/", "/cart", "/search?q=tea", "/item/7", "/pay" };
	unsigned long chance = 88172645463325252ul * (1 + (unsigned long) argument);
	for (int i = 0; i < requests; i++) {
		chance ^= chance << 13;
		chance ^= chance >> 7;
		chance ^= chance << 17;
		int id = i * 16 + (int) (unsigned long) argument;
		lttng_ust_tracepoint(shop, request_begin, id, paths[chance % 5]);
		for (unsigned n = 0; n < 1 + chance % 3; n++) {
			lttng_ust_tracepoint(shop, query_start, id, "select * from goods where price < 10");
			work(500 + (chance >> (8 * n)) % 4000);
			lttng_ust_tracepoint(shop, query_done, id, (int) (chance >> 20) % 90);
		}
		if (chance % 4 != 0)
			lttng_ust_tracepoint(shop, cache_hit, chance);
		if (chance % 97 == 0)
			work(60000 + chance % 200000);
		lttng_ust_tracepoint(shop, request_end, id, chance % 50 ? 200 : 503);
		// The shop closes over noon.
		if (i % (requests / 8 + 1) == requests / 16)
			nanosleep(&(struct timespec) { 0, 30000000 }, NULL);
		if (i == requests / 2)
			lttng_ust_tracepoint(shop, complaint,
				"</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> & \xff\xfe <!-- ]]>");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: shop REQUESTS CLERKS\n");
		return 2;
	}
	requests = atoi(argv[1]);
	int clerks = atoi(argv[2]);
	pthread_t threads[16];
	if (clerks < 1 || clerks > 16)
		return 2;
	for (long n = 0; n < clerks; n++)
		pthread_create(&threads[n], NULL, clerk, (void *) n);
	for (int n = 0; n < clerks; n++)
		pthread_join(threads[n], NULL);
	return 0;
}

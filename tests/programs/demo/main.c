/* demo COUNT: fires demo:tick so often. demo: sleeps until it is killed. */
#include <stdlib.h>
#include <unistd.h>
#include "demo_provider.h"

int main(int argc, char **argv)
{
	if (argc < 2) {
		for (;;)
			pause();
	}
	int count = atoi(argv[1]);
	for (int i = 0; i < count; i++)
		lttng_ust_tracepoint(demo, tick, i, "hello world");
	return 0;
}

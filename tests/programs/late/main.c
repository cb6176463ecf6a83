/*
 * late LIBRARY COUNT [TIMES]: not instrumented itself; loads a library some time after its start and calls `fire` in it
 * so often; with TIMES, closes it, and does all that again.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void (*fire)(int);
	void *library;

	if (argc != 3 && argc != 4)
		return 2;
	usleep(100000);
	for (int times = argc > 3 ? atoi(argv[3]) : 1; times > 0; times--) {
		library = dlopen(argv[1], RTLD_NOW);
		if (!library) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		*(void **) &fire = dlsym(library, "fire");
		for (int i = 0; fire && i < atoi(argv[2]); i++)
			fire(i);
		if (argc > 3 && dlclose(library))
			return 1;
	}
	return 0;
}

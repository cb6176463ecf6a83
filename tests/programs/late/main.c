/*
 * late LIBRARY COUNT: not instrumented itself; loads a library some time after its start and calls `fire` in it so often.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void (*fire)(int);
	void *library;

	if (argc != 3)
		return 2;
	usleep(100000);
	library = dlopen(argv[1], RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **) &fire = dlsym(library, "fire");
	for (int i = 0; fire && i < atoi(argv[2]); i++)
		fire(i);
	return 0;
}

/*
 * Fires each of its 256 events once for each turn of values in a file, for filters to judge.
 *
 *   verdicts FILE
 *
 * A turn is a line of words: eight integers of 64 bits (two's complement, in base 16), the bits of a float and of a
 * double (base 16), two texts as x and their bytes in base 16, four integers of 32 bits, then two sequences, each its
 * length and so many integers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdicts_provider.h"

static uint64_t number(FILE *file)
{
	uint64_t value;

	if (fscanf(file, "%" SCNx64, &value) != 1)
		exit(2);
	return value;
}

static void text(FILE *file, char *to, size_t room)
{
	char hex[2 * 128];
	size_t length = 0;
	unsigned int byte;

	if (fscanf(file, " x%255[0-9a-f]", hex) != 1)
		hex[0] = 0;
	while (length + 1 < room && sscanf(hex + 2 * length, "%2x", &byte) == 1)
		to[length++] = (char) byte;
	to[length] = 0;
}

#define FIRE(name) lttng_ust_tracepoint(rttng_verdicts, name, &v);

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct values v = { 0 };
	uint32_t bits32, rounds;
	uint64_t bits64;

	if (!file)
		return 2;
	rounds = (uint32_t) number(file);
	for (v.turn = 0; v.turn < rounds; v.turn++) {
		for (int i = 0; i < 8; i++)
			v.integers[i] = number(file);
		bits32 = (uint32_t) number(file);
		memcpy(&v.f, &bits32, sizeof(v.f));
		bits64 = number(file);
		memcpy(&v.d, &bits64, sizeof(v.d));
		text(file, v.s, sizeof(v.s));
		text(file, v.s2, sizeof(v.s2));
		for (int i = 0; i < 4; i++)
			v.ia[i] = (int32_t) number(file);
		v.sq_length = (uint32_t) number(file);
		for (uint32_t i = 0; i < v.sq_length && i < MOST; i++)
			v.sq[i] = (int32_t) number(file);
		v.uq_length = (uint32_t) number(file);
		for (uint32_t i = 0; i < v.uq_length && i < MOST; i++)
			v.uq[i] = (uint16_t) number(file);
		EACH(FIRE)
	}
	return 0;
}

/* The values of one turn. */
#ifndef RTTNG_VERDICTS_VALUES_H
#define RTTNG_VERDICTS_VALUES_H

#include <stdint.h>

#define MOST 16

struct values {
	uint32_t turn;
	uint64_t integers[8];
	float f;
	double d;
	char s[128], s2[128];
	int32_t ia[4];
	uint32_t sq_length, uq_length;
	int32_t sq[MOST];
	uint16_t uq[MOST];
};

#endif

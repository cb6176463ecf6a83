/* The values of one round of events: everything follows from the thread's number and the round's number. */
#ifndef RTTNG_VALUES_H
#define RTTNG_VALUES_H

#include <stddef.h>
#include <stdint.h>

#define RTTNG_ARRAY 5
#define RTTNG_LONGEST 24

struct values {
	uint64_t word;
	float real32;
	double real64;
	const char *string;
	char text[8];
	size_t length;
	int8_t i8[RTTNG_LONGEST];
	int16_t i16[RTTNG_LONGEST];
	int32_t i32[RTTNG_LONGEST];
	int64_t i64[RTTNG_LONGEST];
	uint8_t u8[RTTNG_LONGEST];
	uint16_t u16[RTTNG_LONGEST];
	uint32_t u32[RTTNG_LONGEST];
	uint64_t u64[RTTNG_LONGEST];
	char letters[RTTNG_LONGEST];
	const char *blob;
	size_t blob_length;
};

#endif

/* Evaluated after the record was reserved and before it is committed: gives the number back; may raise signals. */
#ifndef RTTNG_WHILE_WRITING_H
#define RTTNG_WHILE_WRITING_H

#include <stdint.h>

uint64_t while_writing(uint64_t number);

#endif

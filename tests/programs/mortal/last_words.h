/* Evaluated after the record was reserved and before it is committed. */
#ifndef RTTNG_LAST_WORDS_H
#define RTTNG_LAST_WORDS_H

#include <stdint.h>

uint64_t last_words(void);

#endif

/* One event with a number, and one that ends its process while it is being written. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rttng_mortal

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./mortal_provider.h"

#if !defined(RTTNG_MORTAL_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RTTNG_MORTAL_PROVIDER_H

#include <stdint.h>
#include "last_words.h"
#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT(rttng_mortal, tick,
	LTTNG_UST_TP_ARGS(uint64_t, seq),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, seq, seq))
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_mortal, end,
	LTTNG_UST_TP_ARGS(uint64_t, seq),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_integer(uint64_t, last, last_words())
	)
)

#endif

#include <lttng/tracepoint-event.h>

/* An event whose field is computed while the event is being written, and that signal handlers fire meanwhile. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rttng_nested

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./nested_provider.h"

#if !defined(RTTNG_NESTED_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RTTNG_NESTED_PROVIDER_H

#include <stdint.h>
#include <lttng/tracepoint.h>
#include "while_writing.h"

LTTNG_UST_TRACEPOINT_EVENT(rttng_nested, outer,
	LTTNG_UST_TP_ARGS(uint64_t, thread, uint64_t, number),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, thread, thread)
		lttng_ust_field_integer(uint64_t, number, while_writing(number))
		lttng_ust_field_string(text, "eleven byte")
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_nested, inner,
	LTTNG_UST_TP_ARGS(uint64_t, number),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint64_t, number, number)
		lttng_ust_field_string(text, "in a handler")
	)
)

#endif

#include <lttng/tracepoint-event.h>

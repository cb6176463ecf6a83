/* A second provider: one class, and an event of it for every log level. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rttng_levels

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./levels_provider.h"

#if !defined(RTTNG_LEVELS_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RTTNG_LEVELS_PROVIDER_H

#include <stdint.h>
#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT_CLASS(rttng_levels, step,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
	)
)

#define RTTNG_LEVEL(name, level) \
	LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(rttng_levels, step, rttng_levels, name, \
		LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq)) \
	LTTNG_UST_TRACEPOINT_LOGLEVEL(rttng_levels, name, LTTNG_UST_TRACEPOINT_LOGLEVEL_##level)

RTTNG_LEVEL(emerg, EMERG)
RTTNG_LEVEL(alert, ALERT)
RTTNG_LEVEL(crit, CRIT)
RTTNG_LEVEL(err, ERR)
RTTNG_LEVEL(warning, WARNING)
RTTNG_LEVEL(notice, NOTICE)
RTTNG_LEVEL(info, INFO)
RTTNG_LEVEL(debug_system, DEBUG_SYSTEM)
RTTNG_LEVEL(debug_program, DEBUG_PROGRAM)
RTTNG_LEVEL(debug_process, DEBUG_PROCESS)
RTTNG_LEVEL(debug_module, DEBUG_MODULE)
RTTNG_LEVEL(debug_unit, DEBUG_UNIT)
RTTNG_LEVEL(debug_function, DEBUG_FUNCTION)
RTTNG_LEVEL(debug_line, DEBUG_LINE)
RTTNG_LEVEL(debug, DEBUG)

/* No level is given: the default. */
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(rttng_levels, step, rttng_levels, unlevelled,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq))

#endif

#include <lttng/tracepoint-event.h>

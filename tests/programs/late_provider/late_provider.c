/* A tracepoint provider that is loaded while the program runs. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "late_provider.h"

void fire(int i);

void fire(int i)
{
	lttng_ust_tracepoint(rttng_late, tick, i);
}

// The events of a small shop: requests, queries in them, and what it has to say.
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER shop

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "shop_provider.h"

#if !defined(SHOP_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define SHOP_PROVIDER_H

#include <lttng/tracepoint.h>

LTTNG_UST_TRACEPOINT_EVENT(shop, request_begin,
	LTTNG_UST_TP_ARGS(int, id, const char *, path),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, id, id) lttng_ust_field_string(path, path)))

LTTNG_UST_TRACEPOINT_EVENT(shop, request_end,
	LTTNG_UST_TP_ARGS(int, id, int, status),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, id, id) lttng_ust_field_integer(int, status, status)))

LTTNG_UST_TRACEPOINT_EVENT(shop, query_start,
	LTTNG_UST_TP_ARGS(int, id, const char *, text),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, id, id) lttng_ust_field_string(text, text)))

LTTNG_UST_TRACEPOINT_EVENT(shop, query_done,
	LTTNG_UST_TP_ARGS(int, id, int, rows),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, id, id) lttng_ust_field_integer(int, rows, rows)))

LTTNG_UST_TRACEPOINT_EVENT(shop, cache_hit,
	LTTNG_UST_TP_ARGS(unsigned long, key),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer_hex(unsigned long, key, key)))

LTTNG_UST_TRACEPOINT_EVENT(shop, complaint,
	LTTNG_UST_TP_ARGS(const char *, text),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_string(text, text)))

#endif

#include <lttng/tracepoint-event.h>

/* 256 events of the same fields, rttng_verdicts:e00 to eff: one for each filter that is tried. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rttng_verdicts

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./verdicts_provider.h"

#if !defined(RTTNG_VERDICTS_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RTTNG_VERDICTS_PROVIDER_H

#include <lttng/tracepoint.h>
#include "values.h"

LTTNG_UST_TRACEPOINT_EVENT_CLASS(rttng_verdicts, all,
	LTTNG_UST_TP_ARGS(const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(uint32_t, turn, v->turn)
		lttng_ust_field_integer(int8_t, i8, (int8_t) v->integers[0])
		lttng_ust_field_integer(uint8_t, u8, (uint8_t) v->integers[1])
		lttng_ust_field_integer(int16_t, i16, (int16_t) v->integers[2])
		lttng_ust_field_integer(uint16_t, u16, (uint16_t) v->integers[3])
		lttng_ust_field_integer(int32_t, i32, (int32_t) v->integers[4])
		lttng_ust_field_integer(uint32_t, u32, (uint32_t) v->integers[5])
		lttng_ust_field_integer(int64_t, i64, (int64_t) v->integers[6])
		lttng_ust_field_integer(uint64_t, u64, (uint64_t) v->integers[7])
		lttng_ust_field_float(float, f, v->f)
		lttng_ust_field_float(double, d, v->d)
		lttng_ust_field_string(s, v->s)
		lttng_ust_field_string(s2, v->s2)
		lttng_ust_field_array(int32_t, ia, v->ia, 4)
		lttng_ust_field_sequence(int32_t, sq, v->sq, uint32_t, v->sq_length)
		lttng_ust_field_sequence(uint16_t, uq, v->uq, uint32_t, v->uq_length)
	)
)

#define EACH_OF_16(DO, p) \
	DO(p##0) DO(p##1) DO(p##2) DO(p##3) DO(p##4) DO(p##5) DO(p##6) DO(p##7) \
	DO(p##8) DO(p##9) DO(p##a) DO(p##b) DO(p##c) DO(p##d) DO(p##e) DO(p##f)
#define EACH(DO) \
	EACH_OF_16(DO, e0) EACH_OF_16(DO, e1) EACH_OF_16(DO, e2) EACH_OF_16(DO, e3) \
	EACH_OF_16(DO, e4) EACH_OF_16(DO, e5) EACH_OF_16(DO, e6) EACH_OF_16(DO, e7) \
	EACH_OF_16(DO, e8) EACH_OF_16(DO, e9) EACH_OF_16(DO, ea) EACH_OF_16(DO, eb) \
	EACH_OF_16(DO, ec) EACH_OF_16(DO, ed) EACH_OF_16(DO, ee) EACH_OF_16(DO, ef)

#define DECLARE(name) \
	LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(rttng_verdicts, all, rttng_verdicts, name, \
		LTTNG_UST_TP_ARGS(const struct values *, v))
EACH(DECLARE)

#endif

#include <lttng/tracepoint-event.h>

/* Every field macro of lttng-ust(3), so that every field type crosses every protocol. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER rttng_fields

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./fields_provider.h"

#if !defined(RTTNG_FIELDS_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define RTTNG_FIELDS_PROVIDER_H

#include <lttng/tracepoint.h>
#include "values.h"

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, integers,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_integer(int8_t, i8, v->i8[0])
		lttng_ust_field_integer(int16_t, i16, v->i16[0])
		lttng_ust_field_integer(int32_t, i32, v->i32[0])
		lttng_ust_field_integer(int64_t, i64, v->i64[0])
		lttng_ust_field_integer(uint8_t, u8, v->u8[0])
		lttng_ust_field_integer(uint16_t, u16, v->u16[0])
		lttng_ust_field_integer(uint32_t, u32, v->u32[0])
		lttng_ust_field_integer(uint64_t, u64, v->u64[0])
		lttng_ust_field_integer(char, letter, v->letters[0])
		lttng_ust_field_integer(long, whole, (long) v->i64[1])
		lttng_ust_field_integer(size_t, length, v->length)
		lttng_ust_field_integer_hex(int8_t, x8, v->i8[1])
		lttng_ust_field_integer_hex(int16_t, x16, v->i16[1])
		lttng_ust_field_integer_hex(int32_t, x32, v->i32[1])
		lttng_ust_field_integer_hex(int64_t, x64, v->i64[1])
		lttng_ust_field_integer_hex(uint8_t, ux8, v->u8[1])
		lttng_ust_field_integer_hex(uint16_t, ux16, v->u16[1])
		lttng_ust_field_integer_hex(uint32_t, ux32, v->u32[1])
		lttng_ust_field_integer_hex(uint64_t, ux64, v->u64[1])
		lttng_ust_field_integer_hex(uintptr_t, pointer, (uintptr_t) v->word)
		lttng_ust_field_integer_network(int16_t, n16, v->i16[2])
		lttng_ust_field_integer_network(int32_t, n32, v->i32[2])
		lttng_ust_field_integer_network(int64_t, n64, v->i64[2])
		lttng_ust_field_integer_network(uint16_t, un16, v->u16[2])
		lttng_ust_field_integer_network(uint32_t, un32, v->u32[2])
		lttng_ust_field_integer_network(uint64_t, un64, v->u64[2])
		lttng_ust_field_integer_network_hex(uint8_t, nx8, v->u8[3])
		lttng_ust_field_integer_network_hex(uint16_t, nx16, v->u16[3])
		lttng_ust_field_integer_network_hex(uint32_t, nx32, v->u32[3])
		lttng_ust_field_integer_network_hex(uint64_t, nx64, v->u64[3])
		lttng_ust_field_integer_nowrite(int, hidden_int, v->i32[3])
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, floats,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_float(float, real32, v->real32)
		lttng_ust_field_integer(uint8_t, between, v->u8[0])
		lttng_ust_field_float(double, real64, v->real64)
		lttng_ust_field_float_nowrite(double, hidden_float, v->real64)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, texts,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_string(string, v->string)
		lttng_ust_field_array_text(char, fixed, v->text, 8)
		lttng_ust_field_sequence_text(char, counted, v->letters, size_t, v->length)
		lttng_ust_field_string_nowrite(hidden_string, v->string)
		lttng_ust_field_array_text_nowrite(char, hidden_fixed, v->text, 8)
		lttng_ust_field_sequence_text_nowrite(char, hidden_counted, v->letters, uint8_t, v->length)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, arrays,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_array(int8_t, i8, v->i8, RTTNG_ARRAY)
		lttng_ust_field_array(int16_t, i16, v->i16, RTTNG_ARRAY)
		lttng_ust_field_array(int32_t, i32, v->i32, RTTNG_ARRAY)
		lttng_ust_field_array(int64_t, i64, v->i64, RTTNG_ARRAY)
		lttng_ust_field_array(uint8_t, u8, v->u8, RTTNG_ARRAY)
		lttng_ust_field_array(char, letters, v->letters, RTTNG_ARRAY)
		lttng_ust_field_array_hex(uint8_t, x8, v->u8, RTTNG_ARRAY)
		lttng_ust_field_array_hex(uint32_t, x32, v->u32, RTTNG_ARRAY)
		lttng_ust_field_array_network(uint16_t, n16, v->u16, RTTNG_ARRAY)
		lttng_ust_field_array_network(int64_t, n64, v->i64, RTTNG_ARRAY)
		lttng_ust_field_array_network_hex(uint32_t, nx32, v->u32, RTTNG_ARRAY)
		lttng_ust_field_array_nowrite(int32_t, hidden_array, v->i32, RTTNG_ARRAY)
		lttng_ust_field_array_nowrite_hex(int32_t, hidden_array_hex, v->i32, RTTNG_ARRAY)
		lttng_ust_field_array_network_nowrite(int32_t, hidden_array_network, v->i32, RTTNG_ARRAY)
		lttng_ust_field_array_network_nowrite_hex(int32_t, hidden_array_network_hex, v->i32, RTTNG_ARRAY)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, sequences,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_sequence(int8_t, i8, v->i8, uint8_t, v->length)
		lttng_ust_field_sequence(int16_t, i16, v->i16, uint16_t, v->length)
		lttng_ust_field_sequence(int32_t, i32, v->i32, uint32_t, v->length)
		lttng_ust_field_sequence(int64_t, i64, v->i64, uint64_t, v->length)
		lttng_ust_field_sequence(uint8_t, u8, v->u8, size_t, v->length / 2)
		lttng_ust_field_sequence_hex(uint8_t, x8, v->u8, unsigned int, v->length)
		lttng_ust_field_sequence_hex(uint64_t, x64, v->u64, unsigned long, v->length)
		lttng_ust_field_sequence_network(uint16_t, n16, v->u16, uint8_t, v->length)
		lttng_ust_field_sequence_network_hex(int64_t, nx64, v->i64, uint16_t, v->length)
		lttng_ust_field_sequence_nowrite(int32_t, hidden_sequence, v->i32, uint8_t, v->length)
		lttng_ust_field_sequence_nowrite_hex(int32_t, hidden_sequence_hex, v->i32, uint8_t, v->length)
		lttng_ust_field_sequence_network_nowrite(int32_t, hidden_sequence_network, v->i32, uint8_t, v->length)
		lttng_ust_field_sequence_network_nowrite_hex(int32_t, hidden_sequence_network_hex, v->i32, uint8_t, v->length)
	)
)

LTTNG_UST_TRACEPOINT_ENUM(rttng_fields, signed_enum,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_value("minus one", -1)
		lttng_ust_field_enum_value("ZERO", 0)
		lttng_ust_field_enum_range("few", 1, 4)
		lttng_ust_field_enum_auto("next")
		lttng_ust_field_enum_range("depths", -100, -2)
	)
)

LTTNG_UST_TRACEPOINT_ENUM(rttng_fields, unsigned_enum,
	LTTNG_UST_TP_ENUM_VALUES(
		lttng_ust_field_enum_auto("none")
		lttng_ust_field_enum_auto("one")
		lttng_ust_field_enum_value("top", 18446744073709551615ULL)
		lttng_ust_field_enum_range("middle", 2, 9)
		lttng_ust_field_enum_range("high \"part\"", 200, 255)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, enums,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_enum(rttng_fields, signed_enum, int8_t, small, (int) (v->word % 8) - 2)
		lttng_ust_field_enum(rttng_fields, signed_enum, int, plain, (int) (v->word % 7) - 1)
		lttng_ust_field_enum(rttng_fields, unsigned_enum, uint8_t, byte, v->u8[0])
		lttng_ust_field_enum(rttng_fields, unsigned_enum, uint64_t, wide, v->word % 3 ? v->word % 12 : UINT64_MAX)
		lttng_ust_field_enum_nowrite(rttng_fields, signed_enum, int, hidden_enum, (int) (v->word % 7))
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, large,
	LTTNG_UST_TP_ARGS(int, thread, uint64_t, seq, const struct values *, v),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_integer(int, thread, thread)
		lttng_ust_field_integer(uint64_t, seq, seq)
		lttng_ust_field_sequence_text(char, blob, v->blob, uint32_t, v->blob_length)
	)
)

LTTNG_UST_TRACEPOINT_EVENT(rttng_fields, nothing, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS())

#endif

#include <lttng/tracepoint-event.h>

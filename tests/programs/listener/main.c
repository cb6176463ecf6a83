/*
 * Listens to notifications through liblttng-ctl, and prints each on a line.
 *
 *   listener [--until FILE] [--deaf-until FILE] TRIGGER...
 *
 * Subscribes to the conditions of these triggers (their names are known to the session daemon), prints "ready", then:
 *
 *   NAME event-rule-matches VALUE...    what was captured, in order
 *   NAME buffer-usage BYTES             also what is low
 *   NAME session-consumed-size BYTES
 *   NAME rotation-ongoing ID
 *   NAME rotation-completed ID PATH
 *   dropped                             the session daemon threw some away
 *   closed                              the session daemon hung up: the last line
 *
 * A captured value is u:7 or i:-7 (integers), U:7 or I:-7 (of an enumeration), f:0.5, "text", [u:1 u:2], or none.
 *
 *   --until FILE        end, with the line "end", when the file exists and nothing is left to read
 *   --deaf-until FILE   read nothing before the file exists: the session daemon's patience is tried
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lttng/lttng.h>

#define CHECK(what, holds)                                         \
	do {                                                       \
		if (!(holds)) {                                    \
			fprintf(stderr, "listener: %s\n", (what)); \
			exit(1);                                   \
		}                                                  \
	} while (0)

static struct lttng_notification_channel *channel;
static const struct lttng_triggers *triggers;

static const char *name_of(const struct lttng_trigger *trigger)
{
	const char *name;

	return lttng_trigger_get_name(trigger, &name) == LTTNG_TRIGGER_STATUS_OK ? name : "";
}

static void subscribe(const char *name)
{
	unsigned int count;

	CHECK("count the triggers", lttng_triggers_get_count(triggers, &count) == LTTNG_TRIGGER_STATUS_OK);
	for (unsigned int i = 0; i < count; i++) {
		const struct lttng_trigger *trigger = lttng_triggers_get_at_index(triggers, i);
		enum lttng_notification_channel_status status;

		if (strcmp(name_of(trigger), name))
			continue;
		status = lttng_notification_channel_subscribe(channel, lttng_trigger_get_const_condition(trigger));
		/* Two triggers may have one condition. */
		CHECK("subscribe", status == LTTNG_NOTIFICATION_CHANNEL_STATUS_OK ||
			status == LTTNG_NOTIFICATION_CHANNEL_STATUS_ALREADY_SUBSCRIBED);
		return;
	}
	CHECK("find the trigger", false);
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_value(const struct lttng_event_field_value *value)
{
	enum lttng_event_field_value_type type;
	const struct lttng_event_field_value *element;
	unsigned int length;
	const char *text;
	uint64_t natural;
	int64_t integer;
	double real;

	/* What an application could not capture has no value. */
	if (!value) {
		printf("none");
		return;
	}
	type = lttng_event_field_value_get_type(value);
	switch (type) {
	case LTTNG_EVENT_FIELD_VALUE_TYPE_UNSIGNED_INT:
	case LTTNG_EVENT_FIELD_VALUE_TYPE_UNSIGNED_ENUM:
		CHECK("read an unsigned integer", !lttng_event_field_value_unsigned_int_get_value(value, &natural));
		printf("%c:%" PRIu64, type == LTTNG_EVENT_FIELD_VALUE_TYPE_UNSIGNED_INT ? 'u' : 'U', natural);
		break;
	case LTTNG_EVENT_FIELD_VALUE_TYPE_SIGNED_INT:
	case LTTNG_EVENT_FIELD_VALUE_TYPE_SIGNED_ENUM:
		CHECK("read a signed integer", !lttng_event_field_value_signed_int_get_value(value, &integer));
		printf("%c:%" PRId64, type == LTTNG_EVENT_FIELD_VALUE_TYPE_SIGNED_INT ? 'i' : 'I', integer);
		break;
	case LTTNG_EVENT_FIELD_VALUE_TYPE_REAL:
		CHECK("read a real number", !lttng_event_field_value_real_get_value(value, &real));
		printf("f:%.17g", real);
		break;
	case LTTNG_EVENT_FIELD_VALUE_TYPE_STRING:
		CHECK("read a string", !lttng_event_field_value_string_get_value(value, &text));
		print_text(text);
		break;
	case LTTNG_EVENT_FIELD_VALUE_TYPE_ARRAY:
		CHECK("read an array", !lttng_event_field_value_array_get_length(value, &length));
		putchar('[');
		for (unsigned int i = 0; i < length; i++) {
			enum lttng_event_field_value_status status =
				lttng_event_field_value_array_get_element_at_index(value, i, &element);

			if (i)
				putchar(' ');
			CHECK("read an element", status == LTTNG_EVENT_FIELD_VALUE_STATUS_OK ||
				status == LTTNG_EVENT_FIELD_VALUE_STATUS_UNAVAILABLE);
			print_value(status == LTTNG_EVENT_FIELD_VALUE_STATUS_OK ? element : NULL);
		}
		putchar(']');
		break;
	default:
		CHECK("know the type of a captured value", false);
	}
}

static void print_captures(const struct lttng_evaluation *evaluation)
{
	const struct lttng_event_field_value *values;
	enum lttng_evaluation_event_rule_matches_status status =
		lttng_evaluation_event_rule_matches_get_captured_values(evaluation, &values);
	unsigned int length;

	if (status == LTTNG_EVALUATION_EVENT_RULE_MATCHES_STATUS_NONE)
		return;
	CHECK("read captures", status == LTTNG_EVALUATION_EVENT_RULE_MATCHES_STATUS_OK);
	CHECK("count captures", !lttng_event_field_value_array_get_length(values, &length));
	for (unsigned int i = 0; i < length; i++) {
		const struct lttng_event_field_value *value = NULL;

		if (lttng_event_field_value_array_get_element_at_index(values, i, &value))
			value = NULL;
		putchar(' ');
		print_value(value);
	}
}

static void print_evaluation(const struct lttng_evaluation *evaluation)
{
	const struct lttng_trace_archive_location *location;
	const char *path = "elsewhere";
	uint64_t number = 0;

	switch (lttng_evaluation_get_type(evaluation)) {
	case LTTNG_CONDITION_TYPE_EVENT_RULE_MATCHES:
		printf("event-rule-matches");
		print_captures(evaluation);
		break;
	case LTTNG_CONDITION_TYPE_BUFFER_USAGE_HIGH:
	case LTTNG_CONDITION_TYPE_BUFFER_USAGE_LOW:
		CHECK("read the usage", !lttng_evaluation_buffer_usage_get_usage(evaluation, &number));
		printf("buffer-usage %" PRIu64, number);
		break;
	case LTTNG_CONDITION_TYPE_SESSION_CONSUMED_SIZE:
		CHECK("read the size", !lttng_evaluation_session_consumed_size_get_consumed_size(evaluation, &number));
		printf("session-consumed-size %" PRIu64, number);
		break;
	case LTTNG_CONDITION_TYPE_SESSION_ROTATION_ONGOING:
		CHECK("read the number", !lttng_evaluation_session_rotation_get_id(evaluation, &number));
		printf("rotation-ongoing %" PRIu64, number);
		break;
	case LTTNG_CONDITION_TYPE_SESSION_ROTATION_COMPLETED:
		CHECK("read the number", !lttng_evaluation_session_rotation_get_id(evaluation, &number));
		CHECK("read the place", !lttng_evaluation_session_rotation_completed_get_location(evaluation, &location));
		if (lttng_trace_archive_location_get_type(location) == LTTNG_TRACE_ARCHIVE_LOCATION_TYPE_LOCAL)
			lttng_trace_archive_location_local_get_absolute_path(location, &path);
		printf("rotation-completed %" PRIu64 " %s", number, path);
		break;
	default:
		CHECK("know the condition", false);
	}
	putchar('\n');
}

/* Whether there may be more. */
static bool listen_once(void)
{
	struct lttng_notification *notification = NULL;

	switch (lttng_notification_channel_get_next_notification(channel, &notification)) {
	case LTTNG_NOTIFICATION_CHANNEL_STATUS_OK:
		printf("%s ", name_of(lttng_notification_get_trigger(notification)));
		print_evaluation(lttng_notification_get_evaluation(notification));
		lttng_notification_destroy(notification);
		return true;
	case LTTNG_NOTIFICATION_CHANNEL_STATUS_NOTIFICATIONS_DROPPED:
		puts("dropped");
		return true;
	case LTTNG_NOTIFICATION_CHANNEL_STATUS_INTERRUPTED:
		return true;
	case LTTNG_NOTIFICATION_CHANNEL_STATUS_CLOSED:
		puts("closed");
		return false;
	default:
		CHECK("receive", false);
		return false;
	}
}

static bool is_waiting(void)
{
	enum lttng_notification_channel_status status;
	bool waiting;

	status = lttng_notification_channel_has_pending_notification(channel, &waiting);
	/* A channel that was closed says so when it is read. */
	return status != LTTNG_NOTIFICATION_CHANNEL_STATUS_OK || waiting;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "until", required_argument, NULL, 'u' },
		{ "deaf-until", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	const char *until = NULL, *deaf_until = NULL;
	struct lttng_triggers *all;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'u')
			until = optarg;
		else if (option == 'd')
			deaf_until = optarg;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK("list triggers", lttng_list_triggers(&all) == LTTNG_OK);
	triggers = all;
	channel = lttng_notification_channel_create(lttng_session_daemon_notification_endpoint);
	CHECK("open a notification channel", channel);
	for (; optind < argc; optind++)
		subscribe(argv[optind]);
	lttng_triggers_destroy(all);
	puts("ready");
	while (deaf_until && access(deaf_until, F_OK))
		usleep(10000);
	for (;;) {
		bool last = until && !access(until, F_OK);

		if (!until || is_waiting()) {
			if (!listen_once())
				return 0;
		} else if (last) {
			/* The file was there before nothing was. */
			puts("end");
			break;
		} else {
			usleep(10000);
		}
	}
	lttng_notification_channel_destroy(channel);
	return 0;
}

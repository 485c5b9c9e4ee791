/* SPDX-License-Identifier: MIT */
/* gpioctl simulate: drives simulated inputs, or takes a simulated chip away and brings it back. */
#include "assignment.h"
#include "output.h"
#include "session.h"

static enum status simulate(const struct options *options, struct strings names, int value)
{
	_cleanup_(session_close) struct session session;
	_cleanup_(message_done) struct message reply = { 0 };
	enum status status = session_open(&session, options);
	struct jsonw *w;

	if (status)
		return status;
	w = request_begin(&session, "simulate");
	request_strings(&session, "lines", names);
	if (names.n > 0)
		jsonw_member_u64(w, "value", (uint64_t)value);
	if (options->chip) {
		jsonw_member_string(w, "chip", options->chip);
		jsonw_member_bool(w, "present", options->present);
	}
	return session_ask(&session, &reply);
}

static enum status run(const struct options *options, struct strings args)
{
	int value;

	if (options->chip && args.n == 0 && options->absent != options->present)
		return simulate(options, args, 0);
	if (options->chip || options->absent || options->present || args.n < 2) {
		complain("%s", help_usage(&command_simulate));
		return STATUS_USAGE;
	}

	value = level_parse(args.v[--args.n]);
	if (value < 0) {
		complain("the last argument is the level, 0 or 1, not \"%s\"", args.v[args.n]);
		return STATUS_USAGE;
	}
	return simulate(options, args, value);
}

const struct command command_simulate = {
	.name = "simulate",
	.arguments = "LINE... 0|1, or --chip CHIP --absent|--present",
	.summary = "Drives simulated inputs, or takes a simulated chip away and brings it back.",
	.details = "The level is physical: an active-low button is pressed by 0. Only a\n"
		   "daemon with the simulated backend can do this.\n",
	.examples = "  gpioctl simulate GPIO23 0\n  gpioctl simulate --chip gpiochip0 --absent\n",
	.options = BIT(CHIP) | BIT(ABSENT) | BIT(PRESENT),
	.max_args = ARGS_ANY,
	.run = run,
};

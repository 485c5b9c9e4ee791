/* SPDX-License-Identifier: MIT */
/*
 * Reaches: the strict door (UTF-8, grammar, limits, repeated keys), cJSON behind it, the decoder of
 * every operation with durations and enumerations, nearest names, problem texts, the JSON writer.
 *
 * Checked besides memory: what the door accepts, cJSON accepts too; a refusal has a code and a
 * message in UTF-8; an id and every name come back the same through the writer and the door.
 */

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "jsonw.h"
#include "utf8.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void check_problem(const struct wire_problem *problem, enum wire_error error)
{
	must(problem->code == error && error != WIRE_E_INTERNAL);
	must(wire_error_code(error) != NULL && problem->message[0] != '\0');
	must(utf8_valid(problem->message, strlen(problem->message)));
	must(utf8_valid(problem->field, strlen(problem->field)));
}

static void check_round_trip(const char *string)
{
	static char buffer[512 * 1024];
	struct json_fault fault;
	struct jsonw w;
	cJSON *tree;

	jsonw_init(&w, buffer, sizeof(buffer));
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "s", string);
	jsonw_end_object(&w);
	must(!w.overflow);
	must(json_parse(buffer, w.n, &json_reply_limits, &tree, &fault) == 0);
	must(strcmp(tree->child->valuestring, string) == 0);
	cJSON_Delete(tree);
}

static void check_names(const struct wire_names *names)
{
	must(names->n <= WIRE_MAX_LINES && names->all == (names->n == 0));
	for (size_t i = 0; i < names->n; i++)
		check_round_trip(names->v[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_decoder *decoder;
	struct wire_request request;
	struct wire_problem problem;
	enum wire_error error;
	char *frame;

	if (!decoder)
		must(wire_decoder_new(&decoder) == 0);
	/* a copy of the exact size, so that reading past the frame is seen */
	frame = malloc(size);
	must(frame != NULL || size == 0);
	if (size > 0)
		memcpy(frame, data, size);

	error = wire_decode(decoder, frame, size, &request, &problem);
	if (error)
		check_problem(&problem, error);
	if (request.id.type == WIRE_ID_STRING)
		check_round_trip(request.id.string);
	if (!error && request.op == WIRE_OP_GET)
		check_names(&request.args.get.lines);
	free(frame);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The kinds of names are tried one after the other, each with one walk over the entries. Finding
 * allocates nothing, since every request does it. Only a refusal takes longer, to say what would
 * have been right.
 */

#include "names.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "board.h"
#include "utf8.h"

#define NO_OFFSET   UINT32_MAX
#define BATCH_NAMES 64

enum offset_state { OFFSET_FINE, OFFSET_EMPTY, OFFSET_GARBAGE, OFFSET_ZEROS, OFFSET_HUGE };

/* What a walk over the entries has found. */
struct search {
	const struct name_space *space;
	size_t n, first;
	size_t found[PROBLEM_CANDIDATES];
};

static bool is_visible(const struct name_space *space, const struct name_entry *entry)
{
	return !space->restricted || (entry->see & space->rules);
}

static void found(struct search *search, size_t index)
{
	if (!is_visible(search->space, &search->space->entries[index]))
		return;
	if (search->n == 0)
		search->first = index;
	if (search->n < PROBLEM_CANDIDATES)
		search->found[search->n] = index;
	search->n++;
}

/* A decimal number as offsets and pins are written. */
static enum offset_state parse_offset(const char *text, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned number = 0;

	if (!*text)
		return OFFSET_EMPTY;
	if (text[n])
		return OFFSET_GARBAGE;
	if (n > 1 && *text == '0')
		return OFFSET_ZEROS;
	if (n > 9)
		return OFFSET_HUGE;
	while (*text)
		number = number * 10 + (unsigned)(*text++ - '0');
	*ret = number;
	return OFFSET_FINE;
}

static enum wire_error unknown(
	struct wire_problem *problem, const char *written, const char *message)
{
	(void)problem_field(problem, WIRE_E_UNKNOWN_LINE, "line", "%s", message);
	utf8_copy(problem->line, sizeof(problem->line), written);
	return WIRE_E_UNKNOWN_LINE;
}

#define UNKNOWN(problem, written, ...)                                   \
	({                                                               \
		char message_[sizeof((problem)->message)];               \
		(void)snprintf(message_, sizeof(message_), __VA_ARGS__); \
		unknown(problem, written, message_);                     \
	})

static void list_candidates(struct search *search, struct wire_problem *problem)
{
	for (size_t i = 0; i < search->n && i < PROBLEM_CANDIDATES; i++) {
		const struct name_entry *entry = &search->space->entries[search->found[i]];

		(void)snprintf(problem->candidates[i], sizeof(problem->candidates[i]), "%s:%u",
			entry->chip_name, entry->offset);
		problem->n_candidates++;
	}
}

static enum wire_error ambiguous(
	struct search *search, const char *written, struct wire_problem *problem)
{
	const struct name_entry *entry = &search->space->entries[search->first];

	(void)problem_field(problem, WIRE_E_AMBIGUOUS_LINE, "line",
		"%zu lines are called \"%s\"; write chip and offset, such as %s:%u", search->n,
		written, entry->chip_name, entry->offset);
	utf8_copy(problem->line, sizeof(problem->line), written);
	list_candidates(search, problem);
	return WIRE_E_AMBIGUOUS_LINE;
}

/* The end of a search that has found something. */
static enum wire_error decide(
	struct search *search, const char *written, size_t *ret_index, struct wire_problem *problem)
{
	if (search->n > 1)
		return ambiguous(search, written, problem);
	*ret_index = search->first;
	return WIRE_OK;
}

uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash ? hash : 1;
}

/* Whether a name is `written`; most are ruled out by their hash. */
static bool is_same(const char *name, uint32_t hash, const char *written, uint32_t written_hash)
{
	return (!hash || hash == written_hash) && strcmp(name, written) == 0;
}

static void search_alias(struct search *search, const char *written)
{
	const uint32_t hash = name_hash(written);

	for (size_t i = 0; i < search->space->n; i++) {
		const struct name_entry *entry = &search->space->entries[i];

		if (entry->alias && is_same(entry->alias, entry->alias_hash, written, hash))
			found(search, i);
	}
}

static void search_name(struct search *search, const char *written)
{
	const uint32_t hash = name_hash(written);

	for (size_t i = 0; i < search->space->n; i++) {
		const struct name_entry *entry = &search->space->entries[i];

		if (is_same(entry->name, entry->name_hash, written, hash))
			found(search, i);
	}
}

/* The nearest of the aliases and names, in batches, so that nothing is allocated. */
struct nearest {
	const char *written;
	const char *names[BATCH_NAMES];
	size_t n;
};

static const char *nearest_so_far(struct nearest *nearest)
{
	const char *best = nearest_name(nearest->written, nearest->names, nearest->n);

	nearest->n = best ? 1 : 0;
	nearest->names[0] = best;
	return best;
}

static void nearest_offer(struct nearest *nearest, const char *name)
{
	if (!name || !*name)
		return;
	if (nearest->n == BATCH_NAMES)
		(void)nearest_so_far(nearest);
	nearest->names[nearest->n++] = name;
}

static enum wire_error no_such_line(
	const struct name_space *space, const char *written, struct wire_problem *problem)
{
	struct nearest nearest = { .written = written };
	const char *best;

	for (size_t i = 0; i < space->n; i++)
		if (is_visible(space, &space->entries[i]))
			nearest_offer(&nearest, space->entries[i].alias);
	for (size_t i = 0; i < space->n; i++)
		if (is_visible(space, &space->entries[i]))
			nearest_offer(&nearest, space->entries[i].name);
	best = nearest_so_far(&nearest);
	if (best)
		return UNKNOWN(
			problem, written, "no line \"%s\"; did you mean \"%s\"?", written, best);
	return UNKNOWN(problem, written, "no line \"%s\"; the operation lines shows all", written);
}

/* Chips by name and offset, or by label and offset. */

static bool is_chip(const struct name_entry *entry, bool by_label, const char *chip, size_t n)
{
	const char *name = by_label ? entry->chip_label : entry->chip_name;

	return n > 0 && strncmp(name, chip, n) == 0 && !name[n];
}

/* The lines of the offset, and how many lines the largest such chip has; 0: there is no such chip.
 */
static unsigned search_offset(
	struct search *search, bool by_label, const char *chip, size_t n, unsigned offset)
{
	const struct name_entry *last = NULL; /* entries of one chip share their strings */
	bool is_it = false;
	unsigned n_lines = 0;

	for (size_t i = 0; i < search->space->n; i++) {
		const struct name_entry *entry = &search->space->entries[i];

		if (!last || entry->chip_name != last->chip_name)
			is_it = is_chip(entry, by_label, chip, n);
		last = entry;
		if (!is_it || !is_visible(search->space, entry))
			continue;
		if (entry->offset >= n_lines)
			n_lines = entry->offset + 1;
		if (entry->offset == offset)
			found(search, i);
	}
	return n_lines;
}

static enum wire_error bad_offset(struct wire_problem *problem, const char *written,
	enum offset_state state, const char *text)
{
	static const char *const what[] = {
		[OFFSET_EMPTY] = "is missing",
		[OFFSET_GARBAGE] = "is not a number",
		[OFFSET_ZEROS] = "has leading zeros",
		[OFFSET_HUGE] = "is too large",
	};

	return UNKNOWN(problem, written, "no line \"%s\": the number \"%s\" after the colon %s",
		written, text, what[state]);
}

/* Whether the part before the colon is a chip; then the name is decided. */
static bool resolve_chip(const struct name_space *space, const char *written, const char *colon,
	size_t *ret_index, struct wire_problem *problem, enum wire_error *ret_error)
{
	size_t n = (size_t)(colon - written);
	unsigned offset = NO_OFFSET, n_lines;
	enum offset_state state = parse_offset(colon + 1, &offset);
	struct search search = { .space = space };

	n_lines = search_offset(&search, false, written, n, offset);
	if (n_lines == 0)
		n_lines = search_offset(&search, true, written, n, offset);
	if (n_lines == 0)
		return false;
	if (search.n > 0)
		*ret_error = decide(&search, written, ret_index, problem);
	else if (space->restricted)
		*ret_error = no_such_line(space, written, problem);
	else if (state != OFFSET_FINE)
		*ret_error = bad_offset(problem, written, state, colon + 1);
	else
		*ret_error = UNKNOWN(problem, written,
			"no line \"%s\": %.*s has %u lines, offsets 0 to %u", written, (int)n,
			written, n_lines, n_lines - 1);
	return true;
}

static enum wire_error no_such_chip(const struct name_space *space, const char *written,
	const char *colon, struct wire_problem *problem)
{
	size_t n = utf8_cut(written, (size_t)(colon - written), WIRE_MAX_NAME_BYTES);
	char chip[WIRE_MAX_NAME_BYTES + 1];
	struct nearest nearest = { .written = chip };
	const char *best, *last = NULL; /* entries of one chip stand together */

	(void)snprintf(chip, sizeof(chip), "%.*s", (int)n, written);
	for (size_t i = 0; i < space->n; i++) {
		const struct name_entry *entry = &space->entries[i];

		if (!is_visible(space, entry) || entry->chip_name == last)
			continue;
		last = entry->chip_name;
		nearest_offer(&nearest, entry->chip_name);
		nearest_offer(&nearest, entry->chip_label);
	}
	best = nearest_so_far(&nearest);
	if (!best)
		return no_such_line(space, written, problem);
	return UNKNOWN(problem, written,
		"no line \"%s\": there is no chip \"%s\"; did you mean \"%s%s\"?", written, chip,
		best, colon);
}

/* The header: BCM23, BOARD16, J8:16, WPI4. */

enum scheme { SCHEME_BCM, SCHEME_BOARD, SCHEME_HEADER, SCHEME_WPI, SCHEME_N };

static const struct {
	const char *prefix;
	const char *what; /* of a number that means no line */
} schemes[SCHEME_N] = {
	[SCHEME_BCM] = { "BCM", "line" },
	[SCHEME_BOARD] = { "BOARD", "pin" },
	[SCHEME_HEADER] = { "J8:", "pin" },
	[SCHEME_WPI] = { "WPI", "WiringPi number" },
};

/* The number's text when the name is one of the scheme, else NULL. */
static const char *after_prefix(const struct board *board, enum scheme scheme, const char *written)
{
	char header[sizeof(board->header) + 1];
	const char *prefix = schemes[scheme].prefix;
	size_t n;

	if (scheme == SCHEME_HEADER && board) {
		(void)snprintf(header, sizeof(header), "%s:", board->header);
		prefix = header;
	}
	n = strlen(prefix);
	if (strncasecmp(written, prefix, n) != 0 || written[n] < '0' || written[n] > '9')
		return NULL;
	return written + n;
}

/* The offset that a scheme's number means, or -1. */
static int scheme_offset(const struct board *board, enum scheme scheme, unsigned number)
{
	if (scheme == SCHEME_BCM)
		return number <= INT32_MAX ? (int)number : -1;
	if (number >= BOARD_PINS_MAX)
		return -1;
	return scheme == SCHEME_WPI ? board->wpi[number] : board->pins[number];
}

static unsigned last_pin(const struct board *board)
{
	unsigned last = BOARD_PINS_MAX - 1;

	while (last > 0 && board->pins[last] < 0)
		last--;
	return last;
}

static enum wire_error not_a_gpio(const struct board *board, enum scheme scheme, unsigned number,
	const char *written, struct wire_problem *problem)
{
	if (scheme == SCHEME_WPI)
		return UNKNOWN(problem, written,
			"no line \"%s\": WiringPi has no number %u on the board %s", written,
			number, board->name);
	if (number == 0 || number > last_pin(board))
		return UNKNOWN(problem, written,
			"no line \"%s\": the header %s of the board %s has pins 1 to %u", written,
			board->header, board->name, last_pin(board));
	return UNKNOWN(problem, written,
		"no line \"%s\": pin %u is not a GPIO; it is power, ground or reserved", written,
		number);
}

static bool is_header_chip(const struct board *board, const char *label)
{
	for (size_t i = 0; i < board->n_chips; i++)
		if (strcmp(board->chips[i], label) == 0)
			return true;
	return false;
}

/* Searches the header's chip; returns how many lines it has, 0 when it is not there. */
static unsigned search_header(struct search *search, unsigned offset)
{
	const struct board *board = search->space->board;
	const char *last_label =
		NULL; /* entries of one chip stand together and share their strings */
	bool is_header = false;
	unsigned n_lines = 0;

	for (size_t i = 0; i < search->space->n; i++) {
		const struct name_entry *entry = &search->space->entries[i];

		if (entry->chip_label != last_label)
			is_header = is_header_chip(board, entry->chip_label);
		last_label = entry->chip_label;
		if (!is_header || !is_visible(search->space, entry))
			continue;
		if (entry->offset >= n_lines)
			n_lines = entry->offset + 1;
		if (entry->offset == offset)
			found(search, i);
	}
	return n_lines;
}

static enum wire_error header_refused(const struct board *board, enum scheme scheme,
	const char *written, unsigned n_lines, struct wire_problem *problem)
{
	if (n_lines == 0)
		return UNKNOWN(problem, written,
			"no line \"%s\": the header's chip of the board map %s is not there; it "
			"has the "
			"label %s%s",
			written, board->name, board->chips[0],
			board->n_chips > 1 ? " or another" : "");
	return UNKNOWN(problem, written,
		"no line \"%s\": the header's chip has no such %s; it has %u lines", written,
		schemes[scheme].what, n_lines);
}

static enum wire_error resolve_pin(const struct name_space *space, enum scheme scheme,
	const char *text, const char *written, size_t *ret_index, struct wire_problem *problem)
{
	const struct board *board = space->board;
	struct search search = { .space = space };
	unsigned number, n_lines;
	int offset;

	if (parse_offset(text, &number) != OFFSET_FINE)
		return UNKNOWN(problem, written,
			"no line \"%s\": \"%s\" is not a number without leading zeros", written,
			text);
	if (!board)
		return UNKNOWN(problem, written,
			"no line \"%s\": no board map is in force; set board in [daemon] to the "
			"name of "
			"one",
			written);
	offset = scheme_offset(board, scheme, number);
	if (offset < 0)
		return not_a_gpio(board, scheme, number, written, problem);
	n_lines = search_header(&search, (unsigned)offset);
	if (search.n == 0 && space->restricted)
		return no_such_line(space, written, problem);
	if (search.n == 0)
		return header_refused(board, scheme, written, n_lines, problem);
	return decide(&search, written, ret_index, problem);
}

static bool resolve_header(const struct name_space *space, const char *written, size_t *ret_index,
	struct wire_problem *problem, enum wire_error *ret_error)
{
	for (enum scheme scheme = 0; scheme < SCHEME_N; scheme++) {
		const char *text = after_prefix(space->board, scheme, written);

		if (!text)
			continue;
		*ret_error = resolve_pin(space, scheme, text, written, ret_index, problem);
		return true;
	}
	return false;
}

/* Refusals that need no search. */
static const char *never_a_line(const char *written)
{
	if (!*written)
		return "the line's name is empty";
	if (strcmp(written, "*") == 0)
		return "\"*\" is not a line; it means all lines where that is allowed";
	if (strlen(written) > WIRE_MAX_NAME_BYTES)
		return "the line's name is too long; 64 bytes are allowed";
	return NULL;
}

enum wire_error name_resolve(const struct name_space *space, const char *written, size_t *ret_index,
	struct wire_problem *problem)
{
	struct search search = { .space = space };
	const char *never = never_a_line(written), *colon = strrchr(written, ':');
	enum wire_error error;

	if (never)
		return unknown(problem, written, never);
	search_alias(&search, written);
	if (search.n == 0)
		search_name(&search, written);
	if (search.n > 0)
		return decide(&search, written, ret_index, problem);
	if (colon && resolve_chip(space, written, colon, ret_index, problem, &error))
		return error;
	if (resolve_header(space, written, ret_index, problem, &error))
		return error;
	if (colon)
		return no_such_chip(space, written, colon, problem);
	return no_such_line(space, written, problem);
}

/* Whether a kernel name stands for this line alone, with no alias in its way. */
static bool is_unique(const struct name_space *space, size_t index)
{
	const char *name = space->entries[index].name;
	const uint32_t hash = name_hash(name);

	if (!*name || strcmp(name, "*") == 0)
		return false;
	for (size_t i = 0; i < space->n; i++) {
		const struct name_entry *entry = &space->entries[i];

		if (i != index && is_same(entry->name, entry->name_hash, name, hash))
			return false;
		if (i != index && entry->alias &&
			is_same(entry->alias, entry->alias_hash, name, hash))
			return false;
	}
	return true;
}

const char *name_canonical(
	const struct name_space *space, size_t index, char buffer[static WIRE_MAX_NAME_BYTES + 1])
{
	const struct name_entry *entry = &space->entries[index];

	if (entry->alias)
		return entry->alias;
	if (is_unique(space, index))
		return entry->name;
	(void)snprintf(buffer, WIRE_MAX_NAME_BYTES + 1, "%s:%u", entry->chip_name, entry->offset);
	return buffer;
}

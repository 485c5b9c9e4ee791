/* SPDX-License-Identifier: MIT */
/*
 * Reads board maps and finds the one for this machine. A folder that is searched earlier hides maps
 * of the same name in later ones. By itself a map is only chosen where nothing speaks against it: a
 * label alone does not decide on a machine whose model the map does not list.
 */

#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ini_file.h"
#include "wire.h"

#define FOLDERS_MAX 3
#define PATH_BYTES  4096

struct folders {
	size_t n;
	char paths[FOLDERS_MAX][PATH_BYTES];
};

/* A map being read. */
struct reading {
	struct board *board;
	struct problems *problems;
};

/* The folder in the source tree, when this program was built in one: TREE/build/.../program. */
static bool tree_folder(char path[static PATH_BYTES])
{
	static const char inside[] = "/build/", folder[] = "/config/boards";
	ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - sizeof(folder));
	char *last = NULL, *build;

	if (n <= 0)
		return false;
	path[n] = '\0';
	for (build = strstr(path, inside); build; build = strstr(build + 1, inside))
		last = build;
	if (!last)
		return false;
	memcpy(last, folder, sizeof(folder));
	return true;
}

static void find_folders(struct folders *folders)
{
	(void)snprintf(folders->paths[0], PATH_BYTES, "%s", SYSCONFDIR "/gpioeventd/boards");
	(void)snprintf(folders->paths[1], PATH_BYTES, "%s", DATADIR "/boards");
	folders->n = tree_folder(folders->paths[2]) ? 3 : 2;
}

/* 0 to max in decimal, or -1. */
static int parse_number(const char *text, int max)
{
	int number = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		number = number * 10 + (*text - '0');
		if (number > max)
			return -1;
	}
	return number;
}

static void take_text(struct reading *reading, const struct ini_item *item, char *to, size_t size)
{
	if (strlen(item->value) >= size)
		problems_add(reading->problems, item->where, item->section, item->key,
			"the text is too long; %zu bytes are allowed", size - 1);
	else
		(void)snprintf(to, size, "%s", item->value);
}

static void take_chips(struct reading *reading, const struct ini_item *item)
{
	struct board *board = reading->board;
	const size_t max = sizeof(board->chips) / sizeof(board->chips[0]);
	const char *text = item->value;
	size_t n;

	for (board->n_chips = 0; *(text += strspn(text, " \t")); text += n) {
		n = strcspn(text, " \t");
		if (n >= sizeof(board->chips[0]) || board->n_chips == max) {
			problems_add(reading->problems, item->where, item->section, item->key,
				"%zu labels of %zu bytes are allowed", max,
				sizeof(board->chips[0]) - 1);
			return;
		}
		memcpy(board->chips[board->n_chips], text, n);
		board->chips[board->n_chips++][n] = '\0';
	}
}

static void take_board(struct reading *reading, const struct ini_item *item)
{
	static const char *const keys[] = { "description", "model", "chips", "header" };
	struct board *board = reading->board;
	const char *near;

	if (strcmp(item->key, "chips") == 0) {
		take_chips(reading, item);
	} else if (strcmp(item->key, "description") == 0) {
		take_text(reading, item, board->description, sizeof(board->description));
	} else if (strcmp(item->key, "model") == 0) {
		take_text(reading, item, board->model, sizeof(board->model));
	} else if (strcmp(item->key, "header") == 0) {
		take_text(reading, item, board->header, sizeof(board->header));
	} else {
		near = nearest_name(item->key, keys, sizeof(keys) / sizeof(keys[0]));
		problems_add(reading->problems, item->where, item->section, item->key,
			"there is no such key; there are description, model, chips, header%s%s%s",
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
}

static void take_number(struct reading *reading, const struct ini_item *item, int *map)
{
	int number = parse_number(item->key, BOARD_PINS_MAX - 1);
	int offset = parse_number(item->value, 1023);

	if (number < 0)
		problems_add(reading->problems, item->where, item->section, item->key,
			"this is not a number of 0 to %d", BOARD_PINS_MAX - 1);
	else if (offset < 0)
		problems_add(reading->problems, item->where, item->section, item->key,
			"\"%s\" is not an offset; allowed is 0 to 1023", item->value);
	else if (map[number] >= 0)
		problems_add(reading->problems, item->where, item->section, item->key,
			"the number is there already; once is allowed");
	else
		map[number] = offset;
}

static void take_item(const struct ini_item *item, void *data)
{
	struct reading *reading = data;
	const char *section = item->section ? item->section : "";
	bool is_board = strcmp(section, "board") == 0, is_pins = strcmp(section, "pins") == 0;

	if (!is_board && !is_pins && strcmp(section, "wpi") != 0)
		problems_add(reading->problems, item->where, item->section, item->key,
			"there is no such section; there are [board], [pins] and [wpi]");
	else if (!item->key)
		return;
	else if (is_board)
		take_board(reading, item);
	else
		take_number(reading, item, is_pins ? reading->board->pins : reading->board->wpi);
}

/* Named for its file, without folder and .ini. */
static struct board *board_new(const char *path)
{
	struct board *board = calloc(1, sizeof(*board));
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (!board)
		return NULL;
	(void)snprintf(board->name, sizeof(board->name), "%.*s", (int)(strlen(name) - 4), name);
	for (size_t i = 0; i < BOARD_PINS_MAX; i++)
		board->pins[i] = board->wpi[i] = -1;
	return board;
}

static int check_complete(const struct board *board, const char *path, struct problems *problems)
{
	if (board->n_chips > 0 && *board->header)
		return 0;
	problems_add(problems, (struct where){ .file = path }, "board",
		board->n_chips == 0 ? "chips" : "header", "the key is missing");
	return -EINVAL;
}

/* The path ends in .ini. */
static int read_map(const char *path, struct problems *problems, struct board **ret)
{
	struct reading reading = { .problems = problems, .board = board_new(path) };
	int r;

	if (!reading.board)
		return -ENOMEM;
	r = ini_file_read(path, problems, take_item, &reading);
	if (r == 0)
		r = check_complete(reading.board, path, problems);
	if (r < 0) {
		(void)board_free(reading.board);
		return r;
	}
	*ret = reading.board;
	return 0;
}

int board_read(const char *path, void (*report)(const char *message, void *data), void *data,
	struct board **ret)
{
	struct problems problems = { .report = report, .data = data };
	size_t n = strlen(path);

	if (n < 4 || strcmp(path + n - 4, ".ini") != 0)
		return -EINVAL;
	return read_map(path, &problems, ret);
}

static int read_from(
	const char *folder, const char *file, struct problems *problems, struct board **ret)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return -ENOMEM;
	r = read_map(path, problems, ret);
	free(path);
	return r;
}

static int load_named(const struct folders *folders, const char *name, struct problems *problems,
	struct board **ret)
{
	char file[sizeof((*ret)->name) + 4];
	int r = -ENOENT;

	if ((size_t)snprintf(file, sizeof(file), "%s.ini", name) >= sizeof(file))
		return -ENOENT;
	for (size_t i = 0; i < folders->n && r == -ENOENT; i++)
		r = read_from(folders->paths[i], file, problems, ret);
	return r;
}

/* The device tree's model, "" where there is none. */
static void read_model(char *buffer, size_t size)
{
	static const char *const paths[] = {
		"/sys/firmware/devicetree/base/model",
		"/proc/device-tree/model",
	};

	*buffer = '\0';
	for (size_t i = 0; i < 2 && !*buffer; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

		buffer[n > 0 ? n : 0] = '\0';
		if (fd >= 0)
			(void)close(fd);
	}
}

bool board_fits_model(const struct board *board, const char *model)
{
	char globs[sizeof(board->model)], *rest = NULL;

	(void)snprintf(globs, sizeof(globs), "%s", board->model);
	for (char *glob = strtok_r(globs, "|", &rest); glob; glob = strtok_r(NULL, "|", &rest))
		if (fnmatch(glob, model, 0) == 0)
			return true;
	return false;
}

/* The model says nothing about a simulated chip, so that its label alone decides. */
static bool is_simulated(const char *label)
{
	return strncmp(label, "gpioeventd-", 11) == 0;
}

static bool has_label(const struct board *board, const char *label)
{
	for (size_t i = 0; i < board->n_chips; i++)
		if (strcmp(board->chips[i], label) == 0)
			return true;
	return false;
}

unsigned board_rank(
	const struct board *board, const char *model, const char *const *labels, size_t n_labels)
{
	bool fits = *model && board_fits_model(board, model), found = false;

	for (size_t i = 0; i < n_labels; i++)
		if (has_label(board, labels[i]) && (fits || !*model || is_simulated(labels[i])))
			found = true;
	return 2 * found + fits;
}

/* Whether a folder before the i-th has a map of this file name. */
static bool is_hidden(const struct folders *folders, size_t i, const char *file)
{
	char path[PATH_BYTES];

	for (size_t j = 0; j < i; j++)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folders->paths[j], file) <
				sizeof(path) &&
			access(path, F_OK) == 0)
			return true;
	return false;
}

/* The best map so far. */
struct choice {
	struct problems *problems;
	const char *model;
	const char *const *labels;
	size_t n_labels;
	unsigned rank;
	struct board *board; /* owned */
};

static void consider(struct choice *choice, struct board *board)
{
	unsigned rank = board_rank(board, choice->model, choice->labels, choice->n_labels);

	if (rank <= choice->rank) {
		(void)board_free(board);
		return;
	}
	(void)board_free(choice->board);
	choice->board = board;
	choice->rank = rank;
}

static void consider_folder(struct choice *choice, const struct folders *folders, size_t i)
{
	struct board *board;
	char **files;

	if (ini_folder(folders->paths[i], ".ini", &files) < 0)
		return;
	for (char **file = files; *file; file++)
		if (!is_hidden(folders, i, *file) &&
			read_from(folders->paths[i], *file, choice->problems, &board) == 0)
			consider(choice, board);
	ini_folder_free(files);
}

/* A map that cannot be read is told and passed over. */
static int load_fitting(const struct folders *folders, const char *const *labels, size_t n_labels,
	struct problems *problems, struct board **ret)
{
	char model[256];
	struct choice choice = {
		.problems = problems,
		.model = model,
		.labels = labels,
		.n_labels = n_labels,
	};

	read_model(model, sizeof(model));
	for (size_t i = 0; i < folders->n; i++)
		consider_folder(&choice, folders, i);
	if (!choice.board)
		return problems->n > 0 ? -EINVAL : -ENOENT;
	*ret = choice.board;
	return 0;
}

int board_load(const char *name, const char *const *labels, size_t n_labels,
	void (*report)(const char *message, void *data), void *data, struct board **ret)
{
	struct problems problems = { .report = report, .data = data };
	struct folders folders = { 0 };

	if (strcmp(name, "none") == 0 || strchr(name, '/'))
		return -ENOENT;
	find_folders(&folders);
	if (*name)
		return load_named(&folders, name, &problems, ret);
	return load_fitting(&folders, labels, n_labels, &problems, ret);
}

/* Those of a folder, behind the others; returns the length. */
static size_t append_names(
	const struct folders *folders, size_t i, char *buffer, size_t size, size_t length)
{
	char **files;

	if (ini_folder(folders->paths[i], ".ini", &files) < 0)
		return length;
	for (char **file = files; *file; file++) {
		size_t n = strlen(*file) - strlen(".ini");

		if (is_hidden(folders, i, *file) || length + n + sizeof(", ") > size)
			continue;
		length += (size_t)snprintf(buffer + length, size - length, "%s%.*s",
			length > 0 ? ", " : "", (int)n, *file);
	}
	ini_folder_free(files);
	return length;
}

const char *board_names(char *buffer, size_t size)
{
	struct folders folders = { 0 };
	size_t length = 0;

	*buffer = '\0';
	find_folders(&folders);
	for (size_t i = 0; i < folders.n; i++)
		length = append_names(&folders, i, buffer, size, length);
	return buffer;
}

struct board *board_free(struct board *board)
{
	free(board);
	return NULL;
}

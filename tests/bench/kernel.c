/* SPDX-License-Identifier: MIT */
/* The rows that need a kernel with GPIO lines: run by kernel.py, in the tests' virtual machine. */

#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define WHAT "kernel path"

/* row|WHAT|VALUE|LIMIT|UNIT|DETAIL, wrong|WHAT|DETAIL or skip|WHAT|WHY */
static void take(struct bench *bench, char *text)
{
	char *field[6] = { 0 };

	text[strcspn(text, "\n")] = 0;
	for (int i = 0; i < 6 && text; i++)
		field[i] = strsep(&text, "|");
	if (field[2] && strcmp(field[0], "skip") == 0)
		bench_skip(bench, field[1], field[2]);
	else if (field[2] && strcmp(field[0], "wrong") == 0)
		bench_fail(bench, field[1], "%s", field[2]);
	else if (field[5] && strcmp(field[0], "row") == 0)
		bench_row(bench,
			&(struct row){ field[1], atof(field[2]), atof(field[3]), field[4] }, "%s",
			field[5]);
}

void bench_kernel(struct bench *bench)
{
	unsigned before = bench->n_rows;
	char command[256], row[512];
	FILE *f;

	(void)snprintf(command, sizeof(command), "tests/bench/kernel '%s' %s", bench->build,
		bench->quick ? "quick" : "full");
	bench_stay(bench, false);
	f = popen(command, "r");
	bench_stay(bench, true);
	if (!f)
		bench_die(command);
	while (fgets(row, sizeof(row), f))
		take(bench, row);
	if (pclose(f) != 0 && bench->n_rows == before)
		bench_skip(bench, WHAT, "the virtual machine does not run here");
}

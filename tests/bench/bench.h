/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The benchmark. It runs the daemon with simulated lines that it feeds itself, and beside it a bare
 * loop (bare.c) that gets the same records and sends as many bytes with nothing in between; both in
 * turn, several times, and what counts is the median of the ratios, since machines are noisy. Each
 * row says what it wants to reach; a row that does not reach it is told, and nothing fails of that.
 * What fails is a loss that nobody accounts for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ROUNDS_MAX 32

struct bench {
	const char *build; /* where the programs are */
	bool quick;	   /* under a minute instead of under four */
	bool may_go_first; /* SCHED_FIFO is permitted */
	int rounds;	   /* repetitions whose median counts */
	int cpu_here,
		cpu_there;  /* of this process, and of what is measured; the same if there is one */
	char directory[64]; /* for sockets and configurations */
	FILE *json;
	unsigned n_rows, n_missed, n_failed;
};

/* One result. `limit` 0: for information. Lower is better. */
struct row {
	const char *what;
	double value, limit;
	const char *unit;
};
void bench_row(struct bench *bench, const struct row *row, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));
void bench_skip(struct bench *bench, const char *what, const char *why);
/* Something is wrong, not slow. */
void bench_fail(struct bench *bench, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Ends the program: the benchmark itself cannot go on. */
void bench_die(const char *what) __attribute__((noreturn));

/* This process on its own processor, or on either; its children inherit it. */
void bench_stay(const struct bench *bench, bool stay);

/* These sort `v`. */
double median(double *v, size_t n);
double percentile(double *v, size_t n, double percent);

uint64_t now_ns(void);

/* The rows, a function for each file. */
void bench_broadcast(struct bench *bench);
void bench_latency(struct bench *bench);
void bench_filters(struct bench *bench);
void bench_slow_reader(struct bench *bench);
void bench_encode(struct bench *bench);
void bench_memory(struct bench *bench);
void bench_start(struct bench *bench);
void bench_idle(struct bench *bench);
void bench_busy(struct bench *bench);
void bench_burst(struct bench *bench);
void bench_kernel(struct bench *bench);

/* SPDX-License-Identifier: MIT */

#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/gpio.h>

#define STATUS_NOT_PERMITTED 99
#define FIFO_PRIORITY	     10
#define PATIENCE_S	     20 /* nothing takes so long unless it is lost */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void apply_scheduling(const struct subject_settings *settings)
{
	const struct sched_param param = { .sched_priority = FIFO_PRIORITY };

	if (settings->nice && setpriority(PRIO_PROCESS, 0, settings->nice) < 0)
		_exit(STATUS_NOT_PERMITTED);
	if (settings->fifo && sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
		_exit(STATUS_NOT_PERMITTED);
}

/* What the daemon says when all is well is not for the table. */
static void redirect_stderr(const struct bench *bench)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/stderr", bench->directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0)
		(void)dup2(fd, STDERR_FILENO);
}

static pid_t spawn(struct bench *bench, const struct subject_settings *settings, char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	redirect_stderr(bench);
	pin(bench->cpu_there);
	apply_scheduling(settings);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;

	close(fd);
	return -1;
}

static void say_why(const struct bench *bench)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "cat %s/stderr >&2", bench->directory);
	(void)!system(command);
}

/* False: it ended because it may not be scheduled as it should. */
static bool wait_until_served(struct subject *subject)
{
	int status, fd;

	while ((fd = connect_to(subject->socket)) < 0) {
		if (waitpid(subject->pid, &status, WNOHANG) == subject->pid) {
			subject->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_PERMITTED)
				return false;
			say_why(subject->bench);
			bench_die("the program that is to be measured does not start");
		}
		(void)usleep(200);
	}
	/* The bare loop would take it for a client. */
	if (subject->is_bare)
		subject->clients[subject->n_clients++] = fd;
	else
		close(fd);
	return true;
}

static struct subject *new_subject(struct bench *bench, const char *name, int n_lines)
{
	static int serial;
	struct subject *subject = calloc(1, sizeof(*subject));

	if (!subject)
		bench_die("calloc");
	subject->bench = bench;
	subject->n_lines = n_lines;
	subject->message_bytes = 130;
	subject->feeds = calloc((size_t)n_lines, sizeof(int));
	subject->numbers = calloc((size_t)n_lines, sizeof(uint32_t));
	subject->clients = calloc(2048, sizeof(int));
	(void)snprintf(subject->socket, sizeof(subject->socket), "%s/%s-%d", bench->directory, name,
		serial++);
	return subject;
}

/* The read ends are the child's, which inherits them; those of others are closed when it execs. */
static void make_feeds(struct subject *subject, int *read_ends)
{
	for (int i = 0; i < subject->n_lines; i++) {
		int fds[2];

		if (pipe(fds) < 0)
			bench_die("pipe");
		(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
		(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
		read_ends[i] = fds[0];
		subject->feeds[i] = fds[1];
	}
}

static void write_config(const struct subject_settings *settings, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		bench_die(path);
	(void)fprintf(f, "[daemon]\nbackend = sim\nboard = none\nconnections-per-uid = 1024\n%s",
		settings->extra ? settings->extra : "");
	(void)fprintf(f, "[chip gpiochip0]\nlines = %d\n", settings->n_lines);
	for (int i = 0; i < settings->n_lines; i++)
		(void)fprintf(f, "[line l%d]\nline = gpiochip0:%d\n", i, i);
	(void)fclose(f);
}

static struct subject *start(struct subject *subject, const struct subject_settings *settings,
	char **argv, const int *read_ends)
{
	subject->pid = spawn(subject->bench, settings, argv);
	for (int i = 0; i < subject->n_lines; i++)
		close(read_ends[i]);
	return wait_until_served(subject) ? subject : subject_free(subject);
}

struct subject *subject_daemon(struct bench *bench, const struct subject_settings *settings)
{
	struct subject *subject = new_subject(bench, "daemon", settings->n_lines);
	char program[128], config[128],
		(*feeds)[32] = calloc((size_t)settings->n_lines, sizeof(*feeds));
	int *read_ends = calloc((size_t)settings->n_lines, sizeof(int));
	char **argv = calloc((size_t)settings->n_lines * 2 + 8, sizeof(char *)), **arg = argv;

	(void)snprintf(program, sizeof(program), "%s/gpioeventd", bench->build);
	(void)snprintf(config, sizeof(config), "%s.conf", subject->socket);
	write_config(settings, config);
	make_feeds(subject, read_ends);
	*arg++ = program;
	*arg++ = (char *)"--config";
	*arg++ = config;
	*arg++ = (char *)"--socket";
	*arg++ = subject->socket;
	for (int i = 0; i < settings->n_lines; i++) {
		(void)snprintf(feeds[i], sizeof(feeds[i]), "l%d=%d", i, read_ends[i]);
		*arg++ = (char *)"--sim-feed";
		*arg++ = feeds[i];
	}
	subject = start(subject, settings, argv, read_ends);
	free(argv);
	free(read_ends);
	free(feeds);
	return subject;
}

void subject_go_first(const struct bench *bench, bool first)
{
	if (bench->may_go_first)
		(void)sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER,
			&(struct sched_param){ .sched_priority = first });
}

struct subject *subject_bare(struct bench *bench, const struct subject_settings *settings)
{
	struct subject *subject = new_subject(bench, "bare", 1);
	char program[128], feed[16];
	char *argv[] = { program, subject->socket, feed, NULL };
	int read_end;

	subject->is_bare = true;
	make_feeds(subject, &read_end);
	(void)snprintf(program, sizeof(program), "%s/tests/bench/bare", bench->build);
	(void)snprintf(feed, sizeof(feed), "%d", read_end);
	return start(subject, settings, argv, &read_end);
}

struct subject *subject_free(struct subject *subject)
{
	if (subject->pid > 0) {
		(void)kill(subject->pid, SIGKILL);
		(void)waitpid(subject->pid, NULL, 0);
	}
	for (int i = 0; i < subject->n_lines; i++)
		close(subject->feeds[i]);
	for (int i = 0; i < subject->n_clients; i++)
		close(subject->clients[i]);
	free(subject->feeds);
	free(subject->numbers);
	free(subject->clients);
	free(subject);
	return NULL;
}

int subject_connect(struct subject *subject, const char *request)
{
	int fd = connect_to(subject->socket);
	char reply;

	if (fd < 0)
		bench_die("connect");
	if (!request)
		return fd;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		bench_die("send");
	/* Byte by byte, so that nothing of what follows is taken. */
	do {
		if (recv(fd, &reply, 1, 0) != 1)
			bench_die("no reply");
	} while (reply != '\n');
	return fd;
}

void subject_add_client(struct subject *subject, const char *lines)
{
	char request[256];

	(void)snprintf(request, sizeof(request), "{\"op\":\"subscribe\",\"lines\":%s}\n", lines);
	subject->clients[subject->n_clients++] = subject_connect(
		subject, subject->is_bare ? NULL : request);
}

void subject_add_clients(struct subject *subject, int n)
{
	while (subject->n_clients < n)
		subject_add_client(subject, "\"*\"");
}

uint64_t subject_feed(struct subject *subject, int line, unsigned n)
{
	struct gpio_v2_line_event events[BURST_MAX];
	const uint64_t stamp_ns = now_ns();

	for (unsigned i = 0; i < n; i++) {
		uint32_t number = ++subject->numbers[line];

		events[i] = (struct gpio_v2_line_event){ .timestamp_ns = stamp_ns,
			.id = number & 1 ? GPIO_V2_LINE_EVENT_RISING_EDGE
					 : GPIO_V2_LINE_EVENT_FALLING_EDGE,
			.offset = (uint32_t)line,
			.seqno = number,
			.line_seqno = number,
			.padding[0] = subject->message_bytes };
	}
	if (write(subject->feeds[line], events, n * sizeof(events[0])) !=
		(ssize_t)(n * sizeof(events[0])))
		bench_die("a feed takes no more");
	return stamp_ns;
}

static unsigned count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	unsigned count = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		p++;
		count++;
	}
	return count;
}

/* Looks again and again, at intervals that leave the socket's lock to the sender. */
static ssize_t recv_awake(int fd, char *buffer, size_t size)
{
	const uint64_t end_ns = now_ns() + PATIENCE_S * UINT64_C(1000000000);
	ssize_t n;

	while ((n = recv(fd, buffer, size, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
		uint64_t pause_ns = now_ns() + 2000;

		while (now_ns() < pause_ns)
			;
		if (pause_ns > end_ns)
			break;
	}
	return n;
}

void subject_receive(struct subject *subject, int client, unsigned n)
{
	static char buffer[64 * 1024];
	unsigned got = 0;

	while (got < n) {
		ssize_t bytes = subject->reader_is_awake
					? recv_awake(
						  subject->clients[client], buffer, sizeof(buffer))
					: recv(subject->clients[client], buffer, sizeof(buffer), 0);

		if (bytes <= 0)
			bench_die("messages do not come");
		got += count_lines(buffer, (size_t)bytes);
		if (client == subject->n_clients - 1)
			subject->n_bytes += (uint64_t)bytes;
	}
	if (got > n)
		bench_die("more messages than edges");
	if (client == subject->n_clients - 1)
		subject->n_messages += n;
}

uint64_t subject_burst(struct subject *subject, unsigned n)
{
	const uint64_t began_ns = subject_feed(subject, 0, n);
	uint64_t took_ns;

	subject_receive(subject, subject->n_clients - 1, n);
	took_ns = now_ns() - began_ns;
	for (int i = 0; i < subject->n_clients - 1; i++)
		subject_receive(subject, i, n);
	return took_ns;
}

uint64_t subject_cpu_ns(const struct subject *subject)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(subject->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		bench_die("the process has no CPU clock");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static FILE *open_proc(const struct subject *subject, const char *name)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)subject->pid, name);
	f = fopen(path, "r");
	if (!f)
		bench_die(path);
	return f;
}

/* Sum of Private_Clean and Private_Dirty; of the mappings whose name has `name` in it, or of all.
 */
static uint64_t sum_private(const struct subject *subject, const char *file, const char *name)
{
	FILE *f = open_proc(subject, file);
	bool counts = !name;
	uint64_t sum = 0, kilobytes;
	char row[512];

	while (fgets(row, sizeof(row), f)) {
		/* The first row of a mapping begins with its address, in lower case. */
		if (name && strchr("0123456789abcdef", row[0]))
			counts = strstr(row, name) != NULL;
		else if (counts && sscanf(row, "Private_%*[^:]: %lu kB", &kilobytes) == 1)
			sum += kilobytes * 1024;
	}
	(void)fclose(f);
	return sum;
}

uint64_t subject_private_bytes(const struct subject *subject)
{
	return sum_private(subject, "smaps_rollup", NULL) - sum_private(subject, "smaps", "memfd:");
}

uint64_t subject_switches(const struct subject *subject)
{
	FILE *f = open_proc(subject, "status");
	uint64_t n = 0;
	char row[256];

	while (fgets(row, sizeof(row), f))
		if (sscanf(row, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	(void)fclose(f);
	return n;
}

double subject_cost_ns(struct subject *subject, unsigned n_bursts, unsigned n)
{
	uint64_t before_ns = subject_cpu_ns(subject), delivered = (uint64_t)n_bursts * n;

	for (unsigned i = 0; i < n_bursts; i++)
		(void)subject_burst(subject, n);
	return (double)(subject_cpu_ns(subject) - before_ns) /
	       (double)(delivered * (uint64_t)subject->n_clients);
}

/* The bare loop sends as many bytes as the daemon did just now. */
static void match_sizes(struct subject *a, struct subject *b)
{
	if (b->is_bare && a->n_messages)
		b->message_bytes = (unsigned)((a->n_bytes + a->n_messages / 2) / a->n_messages);
	a->n_bytes = a->n_messages = 0;
}

struct comparison subject_compare_costs(
	struct subject *a, struct subject *b, unsigned n_bursts, unsigned n)
{
	const int rounds = a->bench->rounds;
	double costs_a[ROUNDS_MAX], costs_b[ROUNDS_MAX], ratios[ROUNDS_MAX];

	(void)subject_cost_ns(a, n_bursts / 8 + 1, n);
	(void)subject_cost_ns(b, n_bursts / 8 + 1, n);
	for (int i = 0; i < rounds; i++) {
		costs_a[i] = subject_cost_ns(a, n_bursts, n);
		match_sizes(a, b);
		costs_b[i] = subject_cost_ns(b, n_bursts, n);
		ratios[i] = costs_a[i] / costs_b[i];
	}
	return (struct comparison){ median(costs_a, (size_t)rounds),
		median(costs_b, (size_t)rounds), median(ratios, (size_t)rounds) };
}

static void take_latencies(struct subject *subject, unsigned n, double *ret_p50, double *ret_p99)
{
	double *v = calloc(n, sizeof(*v));

	if (!v)
		bench_die("calloc");
	for (unsigned i = 0; i < n; i++)
		v[i] = (double)subject_burst(subject, 1) / 1000;
	*ret_p50 = percentile(v, n, 50);
	*ret_p99 = percentile(v, n, 99);
	free(v);
}

struct latencies subject_compare_latency(struct subject *a, struct subject *b, unsigned n)
{
	const int rounds = a->bench->rounds;
	double v[6][ROUNDS_MAX];
	struct latencies result;

	for (int i = -1; i < rounds; i++) {
		int at = i < 0 ? 0 : i; /* the first round warms up */

		take_latencies(a, n, &v[0][at], &v[3][at]);
		match_sizes(a, b);
		take_latencies(b, n, &v[1][at], &v[4][at]);
		v[2][at] = v[0][at] / v[1][at];
		v[5][at] = v[3][at] / v[4][at];
	}
	for (int i = 0; i < 2; i++) {
		struct comparison *comparison = i ? &result.p99 : &result.p50;

		comparison->a = median(v[3 * i], (size_t)rounds);
		comparison->b = median(v[3 * i + 1], (size_t)rounds);
		comparison->ratio = median(v[3 * i + 2], (size_t)rounds);
	}
	return result;
}

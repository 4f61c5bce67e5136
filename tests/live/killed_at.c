/* Loaded before the tool (LD_PRELOAD): ends it with SIGKILL right behind one step of its work on another process.

   A step is named by what the kernel is asked for, and by how often a thread was sent somewhere else before that
   (SETREGS: 0 the stop, 1 on its way to the fork, 2 put back, 3 on its way to reap, 4 put back). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct { long number; const char *name; } requests[] = {
	{PTRACE_SEIZE, "SEIZE"},           {PTRACE_INTERRUPT, "INTERRUPT"},   {PTRACE_GETREGS, "GETREGS"},
	{PTRACE_CONT, "CONT"},             {PTRACE_GETSIGMASK, "GETSIGMASK"}, {PTRACE_SETSIGMASK, "SETSIGMASK"},
	{PTRACE_POKEDATA, "POKEDATA"},     {PTRACE_SETREGS, "SETREGS"},       {PTRACE_SYSCALL, "SYSCALL"},
	{PTRACE_GETEVENTMSG, "GETEVENTMSG"}, {PTRACE_DETACH, "DETACH"},       {PTRACE_SETOPTIONS, "SETOPTIONS"},
};
static int stage;
static char wanted[64];
static long left, delay_ns;
static int told = -1;

/* Ends the process behind the `nth` step called `step`, after `nanoseconds`. */
void kill_behind(const char *step, long nth, long nanoseconds) {
	snprintf(wanted, sizeof wanted, "%s", step);
	left = nth;
	delay_ns = nanoseconds;
}

/* Writes each step down in `file`, a line each. */
void tell_steps(int file) { told = file; }

static void passed(const char *name) {
	char step[64];
	int before = errno, length = snprintf(step, sizeof step, "%d %s\n", stage, name);
	if (told >= 0 && write(told, step, length) != length) {
		_exit(9);
	}
	step[length - 1] = 0;
	if (left > 0 && !strcmp(step, wanted) && __sync_sub_and_fetch(&left, 1) == 0) {
		struct timespec nap = {0, delay_ns};
		if (delay_ns) {
			nanosleep(&nap, NULL);
		}
		syscall(SYS_kill, getpid(), SIGKILL);
	}
	errno = before;
}

long ptrace(enum __ptrace_request request, ...) {
	va_list words;
	va_start(words, request);
	pid_t thread = va_arg(words, pid_t);
	void *address = va_arg(words, void *), *data = va_arg(words, void *);
	va_end(words);
	if (request == PTRACE_SETREGS) {
		stage++;
	}
	long answer = syscall(SYS_ptrace, request, thread, address, data);
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		if (requests[i].number == request) {
			passed(requests[i].name);
		}
	}
	return answer;
}

int kill(pid_t process, int signal) {
	long answer = syscall(SYS_kill, process, signal);
	passed("KILL");
	return (int)answer;
}

/* What is copied of the memory goes into a file this way. */
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
	ssize_t answer = syscall(SYS_pwrite64, file, bytes, count, offset);
	passed("COPY");
	return answer;
}

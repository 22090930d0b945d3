/*
 * The least that a QMP client can be: poll, read, memchr. What it reaches is the practical limit that the benchmark
 * holds Qeeper against. Each run prints one figure.
 *
 *   qmp_client commands SOCKET COUNT WINDOW [ids] [oob]   commands a second, WINDOW of them in flight
 *   qmp_client events SOCKET COUNT [parse]                events a second, from events_producer
 *   qmp_client launch SOCKET PROGRAM ARGUMENT...          milliseconds from fork to the capabilities reply
 *   qmp_client restart SOCKET PROGRAM ARGUMENT...         milliseconds from a kill -9 to the next one's capabilities reply
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_YAJL
#include <yajl/yajl_tree.h>
#endif

static char buffer[1 << 18];
static size_t filled; /* bytes of the buffer that hold something */
static size_t taken;  /* bytes of them that were messages already handed out */
static pid_t started; /* the QEMU that ends with this program, 0 while there is none */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "qmp_client: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    if (started) kill(started, SIGKILL);
    exit(1);
}

/* Connects, trying again every 2 ms for 10 s while the socket is not there. */
static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    double until = now() + 10;
    if (strlen(path) >= sizeof address.sun_path) fail("path too long");
    strcpy(address.sun_path, path);
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0) fail("socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
        if ((errno != ENOENT && errno != ECONNREFUSED) || now() > until) fail("connect");
        close(fd);
        poll(NULL, 0, 2);
    }
}

static void send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0) fail("write");
        text += n;
        length -= n;
    }
}

/*
 * The next message, ended by a NUL, and in *end the place of that. Compact messages have one line each; an indented one ends
 * with a line that is a closing brace.
 */
static char *next_message(int fd, char **end)
{
    size_t seen = taken;
    for (;;) {
        char *line_end;
        while ((line_end = memchr(buffer + seen, '\n', filled - seen))) {
            char *message = buffer + taken;
            size_t after = line_end + 1 - buffer;
            int compact = message[1] != '\r' && message[1] != '\n';
            if (compact || buffer[seen] == '}') {
                taken = after;
                *line_end = 0;
                *end = line_end;
                return message;
            }
            seen = after;
        }
        memmove(buffer, buffer + taken, filled - taken);
        filled -= taken;
        seen -= taken;
        taken = 0;
        if (filled == sizeof buffer) fail("message too large");
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10000) <= 0) fail("poll");
        ssize_t n = read(fd, buffer + filled, sizeof buffer - filled);
        if (n <= 0) fail("read");
        filled += n;
    }
}

/* The next message that is no event. Now and then QEMU 7.2 says RESUME even before its greeting. */
static char *next_answer(int fd)
{
    char *end, *message;
    do message = next_message(fd, &end);
    while (strstr(message, "\"event\""));
    return message;
}

static void expect_return(int fd)
{
    char *message = next_answer(fd);
    if (!strstr(message, "\"return\"")) fail(message);
}

static void negotiate(int fd, int oob)
{
    const char *plain = "{\"execute\":\"qmp_capabilities\"}";
    const char *with_oob = "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";
    const char *command = oob ? with_oob : plain;
    if (!strstr(next_answer(fd), "\"QMP\"")) fail("no greeting");
    send_all(fd, command, strlen(command));
    expect_return(fd);
}

static double run_commands(int fd, long count, long window, int ids)
{
    static char out[1 << 16];
    long sent = 0, done = 0;
    double start = now();
    while (done < count) {
        size_t length = 0;
        /* What was answered together is followed by as many commands in one write. */
        for (; sent < count && sent - done < window && length < sizeof out - 64; sent++) {
            length += ids ? sprintf(out + length, "{\"execute\":\"query-status\",\"id\":%ld}", sent % window)
                          : sprintf(out + length, "{\"execute\":\"query-status\"}");
        }
        send_all(fd, out, length);
        do {
            char *end, *message = next_message(fd, &end);
            char *id = ids ? strstr(message, "\"id\": ") : NULL;
            if (strncmp(message, "{\"return\"", 9)) fail(message);
            if (ids && (!id || atol(id + 6) != done % window)) fail("wrong id");
            done++;
        } while (taken < filled && memchr(buffer + taken, '\n', filled - taken));
    }
    return count / (now() - start);
}

static double run_events(int fd, long count, int parse)
{
    const char *go = "{\"execute\":\"query-status\"}";
    double start = now();
    send_all(fd, go, strlen(go));
    expect_return(fd);
    for (long i = 0; i < count; i++) {
        char *end, *message = next_message(fd, &end);
#ifdef HAVE_YAJL
        if (parse) {
            char error[256];
            yajl_val tree = yajl_tree_parse(message, error, sizeof error);
            if (!tree) fail(error);
            yajl_tree_free(tree);
        }
#else
        if (parse) fail("built without yajl");
#endif
        if (!parse && *message != '{') fail(message);
    }
    return count / (now() - start);
}

/* Starts a program and negotiates with it. */
static pid_t start_qemu(const char *path, char **argv, int *fd)
{
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    started = child;
    *fd = dial(path);
    negotiate(*fd, 0);
    return child;
}

static void end_qemu(pid_t child, int fd)
{
    int status;
    const char *query = "{\"execute\":\"query-status\"}", *quit = "{\"execute\":\"quit\"}";
    send_all(fd, query, strlen(query));
    expect_return(fd);
    send_all(fd, quit, strlen(quit));
    if (waitpid(child, &status, 0) != child || status) fail("QEMU's exit");
    started = 0;
}

static double run_launch(const char *path, char **argv)
{
    int fd;
    double start = now(), ready;
    pid_t child = start_qemu(path, argv, &fd);
    ready = now();
    end_qemu(child, fd);
    return (ready - start) * 1000;
}

static double run_restart(const char *path, char **argv)
{
    int fd, status;
    pid_t child = start_qemu(path, argv, &fd);
    double start = now(), ready;
    kill(child, SIGKILL);
    /* The end of the connection tells first; reset or not. */
    while (read(fd, buffer, sizeof buffer) > 0) continue;
    errno = 0;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) fail("QEMU's end");
    started = 0;
    close(fd);
    filled = taken = 0;
    child = start_qemu(path, argv, &fd);
    ready = now();
    end_qemu(child, fd);
    return (ready - start) * 1000;
}

static int has(int argc, char **argv, const char *word)
{
    for (int i = 4; i < argc; i++)
        if (!strcmp(argv[i], word)) return 1;
    return 0;
}

int main(int argc, char **argv)
{
    double figure;
    signal(SIGPIPE, SIG_IGN);
    if (argc < 4) {
        fprintf(stderr, "usage: qmp_client commands|events|launch|restart SOCKET ...\n");
        return 2;
    }
    if (!strcmp(argv[1], "launch")) {
        figure = run_launch(argv[2], argv + 3);
    } else if (!strcmp(argv[1], "restart")) {
        figure = run_restart(argv[2], argv + 3);
    } else {
        int commands = !strcmp(argv[1], "commands");
        int fd = dial(argv[2]);
        negotiate(fd, has(argc, argv, "oob"));
        figure = commands ? run_commands(fd, atol(argv[3]), atol(argv[4]), has(argc, argv, "ids"))
                          : run_events(fd, atol(argv[3]), has(argc, argv, "parse"));
    }
    printf("%.3f\n", figure);
    return 0;
}

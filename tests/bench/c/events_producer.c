/*
 * Serves a unix socket as a QEMU that has very much to tell: greets, answers qmp_capabilities, and after the next
 * command sends COUNT events as fast as they can be written. One client after the other, until it is ended.
 *
 *   events_producer SOCKET COUNT compact|pretty
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Events that are ready to be written: a batch of many, so that the producer costs next to nothing. */
enum { BATCH = 1000 };
static char batch[BATCH * 256];
static size_t offsets[BATCH + 1];

static const char *greeting[2] = {
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, \"capabilities\": []}}\r\n",
    "{\r\n    \"QMP\": {\r\n        \"version\": {\r\n            \"qemu\": {\r\n                \"micro\": 22,\r\n"
    "                \"minor\": 2,\r\n                \"major\": 7\r\n            },\r\n            \"package\": \"\"\r\n"
    "        },\r\n        \"capabilities\": [\r\n        ]\r\n    }\r\n}\r\n",
};
static const char *event[2] = {
    "{\"timestamp\": {\"seconds\": 1795252542, \"microseconds\": %d}, \"event\": \"SHUTDOWN\", "
    "\"data\": {\"guest\": true, \"reason\": \"guest-panic\"}}\r\n",
    "{\r\n    \"timestamp\": {\r\n        \"seconds\": 1795252542,\r\n        \"microseconds\": %d\r\n    },\r\n"
    "    \"event\": \"SHUTDOWN\",\r\n    \"data\": {\r\n        \"guest\": true,\r\n        \"reason\": \"guest-panic\"\r\n"
    "    }\r\n}\r\n",
};
static const char *reply[2] = {"{\"return\": {}%s}\r\n", "{\r\n    \"return\": {\r\n    }%s\r\n}\r\n"};

static int send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n <= 0) return -1;
        text += n;
        length -= n;
    }
    return 0;
}

/* Reads one command, which may or may not end in a newline, and answers it with its id. */
static int answer(int fd, int pretty)
{
    char command[4096], id[256] = "", out[512];
    size_t length = 0;
    int depth = 0;
    do {
        if (length == sizeof command - 1 || read(fd, command + length, 1) != 1) return -1;
        if (command[length] == '{') depth++;
        if (command[length] == '}') depth--;
        if (depth > 0 || command[length] == '}') length++;
    } while (length == 0 || depth > 0);
    command[length] = 0;
    char *member = strstr(command, "\"id\"");
    if (member) {
        char *value = member + 4 + strspn(member + 4, ": ");
        int size = *value == '"' ? (int)(strcspn(value + 1, "\"") + 2) : (int)strcspn(value, ",} ");
        snprintf(id, sizeof id, ", \"id\": %.*s", size, value);
    }
    return send_all(fd, out, snprintf(out, sizeof out, reply[pretty], id));
}

static void serve(int fd, long count, int pretty)
{
    if (send_all(fd, greeting[pretty], strlen(greeting[pretty])) || answer(fd, pretty) || answer(fd, pretty)) return;
    while (count > 0) {
        long part = count < BATCH ? count : BATCH;
        if (send_all(fd, batch, offsets[part])) return;
        count -= part;
    }
    /* The client leaves when it has them all. */
    char byte;
    while (read(fd, &byte, 1) > 0) continue;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 4 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: events_producer SOCKET COUNT compact|pretty\n");
        return 2;
    }
    int pretty = !strcmp(argv[3], "pretty");
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < BATCH; i++) {
        int length = sprintf(batch + offsets[i], event[pretty], 100000 + i * 7919 % 900000);
        offsets[i + 1] = offsets[i] + length;
    }
    strcpy(address.sun_path, argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1)) {
        perror("events_producer");
        return 1;
    }
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) return 1;
        serve(fd, atol(argv[2]), pretty);
        close(fd);
    }
}

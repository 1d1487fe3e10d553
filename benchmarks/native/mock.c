/* A provider that costs next to nothing: plain answers, bursts and paced streams in OpenAI's chat format.
 *
 * The wish is read from the model name in the request body, "gpt-4o-mini;chunks=64;pace=20ms;size=12;stamp":
 * `chunks` content events make a stream (without pace: as fast as the socket takes them, 64 small ones in one write),
 * `pace` is the time between two of them (ms), `size` the characters in each, `stamp` makes the content the monotonic
 * clock (ns) at the moment the event is written. A stream whose request asks for include_usage ends with a usage event.
 * `python -m gateway.mock` understands the same wishes and more; this one leaves a core enough room for the load too.
 *
 * Paced streams share one wheel of 1 ms slots, so 1,000 streams cost no timers. With --key, a request without that
 * key is refused: a relay that does not present the provider's credential must not look fast.
 *
 * Standard output: "listening PORT" once, and at SIGTERM one JSON object with what was served.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_ROOM (256 * 1024)
#define BLOCK (64 * 1024)
#define HEAD_ROOM (16 * 1024)
#define PEEK_ROOM 4096
#define LARGEST_SIZE 32768
#define STAMP_ROOM 20
#define WHEEL 4096 /* slots of 1 ms */
#define MILLISECOND 1000000ULL
#define SECOND 1000000000ULL

#define EVENT_HEAD "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini\",\"choices\":["

static const char OPENING_EVENT[] = EVENT_HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
                                               "\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char EVENT_START[] = EVENT_HEAD "{\"index\":0,\"delta\":{\"content\":\"";
static const char EVENT_STOP[] = "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char CLOSING_EVENT[] = EVENT_HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n";
static const char USAGE_EVENT[] = EVENT_HEAD "],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":%u,"
                                  "\"total_tokens\":%u,\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n";
static const char DONE_EVENT[] = "data: [DONE]\n\n";
static const char STREAM_HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char PLAIN_BODY[] = "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"gpt-4o-mini\","
                                 "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The quick brown fox jumps over "
                                 "the lazy dog, and the lazy dog, which has seen it all before, goes on sleeping in the sun until the "
                                 "evening comes and the fox has gone home.\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
                                 "{\"prompt_tokens\":100,\"completion_tokens\":40,\"total_tokens\":140,\"prompt_tokens_details\":"
                                 "{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}";

enum phase { HEAD, BODY, STREAMING };

struct connection {
    int fd;
    enum phase phase;
    bool waits_for_room, stamps, wants_usage, done, refused;
    uint32_t chunks_left, chunks_total, content_size;
    uint64_t pace, due; /* ns; pace 0: a burst */
    uint64_t body_left;
    char *head;
    size_t head_length, peek_length;
    char peek[PEEK_ROOM + 1];
    char *unsent;
    size_t unsent_length, unsent_offset;
    struct connection **slot, *next, *previous; /* where it stands in the wheel, while it is paced */
};

static struct connection *wheel[WHEEL];
static uint64_t wheel_time; /* ms, the first slot not yet looked at */
static uint32_t paced;
static int poller, listener;
static const char *key;
static char received[RECEIVE_ROOM];
static char block[BLOCK + 2 * LARGEST_SIZE];
static char content[LARGEST_SIZE];
static char plain_answer[2048];
static size_t plain_length;
static struct {
    uint64_t requests, streams, chunks, refused;
} served;
static volatile sig_atomic_t stopped;

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("mock: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void watch(struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(poller, operation, connection->fd, &event);
    connection->waits_for_room = events & EPOLLOUT;
}

static void schedule(struct connection *connection)
{
    uint64_t slot_time = connection->due / MILLISECOND;
    if (slot_time <= wheel_time) /* late; this slot may be the one being walked */
        slot_time = wheel_time + 1;
    struct connection **slot = &wheel[slot_time % WHEEL];
    connection->slot = slot;
    connection->previous = NULL;
    connection->next = *slot;
    if (*slot)
        (*slot)->previous = connection;
    *slot = connection;
    paced++;
}

static void unschedule(struct connection *connection)
{
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        *connection->slot = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    paced--;
}

static void drop(struct connection *connection)
{
    if (connection->phase == STREAMING && connection->pace)
        unschedule(connection);
    close(connection->fd);
    free(connection->head);
    free(connection->unsent);
    free(connection);
}

/* Returns false when the connection was lost and freed. What the socket does not take waits in `unsent`. */
static bool transmit(struct connection *connection, const char *bytes, size_t length)
{
    ssize_t written = send(connection->fd, bytes, length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
        drop(connection);
        return false;
    }
    size_t taken = written < 0 ? 0 : (size_t)written;
    if (taken == length)
        return true;
    connection->unsent = malloc(length - taken);
    if (!connection->unsent)
        die("out of memory");
    memcpy(connection->unsent, bytes + taken, length - taken);
    connection->unsent_length = length - taken;
    connection->unsent_offset = 0;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    return true;
}

static char *put(char *out, const char *bytes, size_t length)
{
    memcpy(out, bytes, length);
    return out + length;
}

static char *put_chunk(char *out, const char *bytes, size_t length)
{
    out += sprintf(out, "%zx\r\n", length);
    out = put(out, bytes, length);
    return put(out, "\r\n", 2);
}

static char *put_event(char *out, const struct connection *connection)
{
    static char event[LARGEST_SIZE + 512];
    char *end = put(event, EVENT_START, sizeof EVENT_START - 1);
    char *text = end;
    end = put(end, content, connection->content_size);
    if (connection->stamps) {
        int digits = sprintf(text, "%llu", (unsigned long long)now());
        memset(text + digits, ' ', connection->content_size - (size_t)digits);
    }
    end = put(end, EVENT_STOP, sizeof EVENT_STOP - 1);
    return put_chunk(out, event, (size_t)(end - event));
}

static char *put_end(char *out, const struct connection *connection)
{
    char event[512];
    out = put_chunk(out, CLOSING_EVENT, sizeof CLOSING_EVENT - 1);
    if (connection->wants_usage) {
        int length = snprintf(event, sizeof event, USAGE_EVENT, connection->chunks_total, connection->chunks_total + 100);
        out = put_chunk(out, event, (size_t)length);
    }
    out = put_chunk(out, DONE_EVENT, sizeof DONE_EVENT - 1);
    return put(out, "0\r\n\r\n", 5);
}

static char *put_next(char *out, struct connection *connection)
{
    out = put_event(out, connection);
    served.chunks++;
    if (--connection->chunks_left == 0) {
        out = put_end(out, connection);
        connection->phase = HEAD;
    }
    return out;
}

/* As much of a burst as the socket takes, a block at a time. */
static void burst(struct connection *connection, char *out)
{
    do {
        while (connection->phase == STREAMING && out - block < BLOCK)
            out = put_next(out, connection);
        if (!transmit(connection, block, (size_t)(out - block)))
            return;
        out = block;
    } while (connection->phase == STREAMING && !connection->unsent);
}

static void tick_one(struct connection *connection)
{
    char *out = block;
    unschedule(connection);
    if (!connection->unsent) /* a reader that lags gets its next event later, not two at once */
        out = put_next(out, connection);
    connection->due += connection->pace;
    if (connection->phase == STREAMING)
        schedule(connection);
    if (out > block)
        transmit(connection, block, (size_t)(out - block));
}

static void turn_wheel(uint64_t at)
{
    for (uint64_t last = at / MILLISECOND; wheel_time <= last; wheel_time++) {
        struct connection *connection = wheel[wheel_time % WHEEL];
        while (connection) {
            struct connection *next = connection->next;
            if (connection->due / MILLISECOND <= wheel_time)
                tick_one(connection);
            connection = next;
        }
    }
}

static void start_stream(struct connection *connection)
{
    char *out = put(block, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    out = put_chunk(out, OPENING_EVENT, sizeof OPENING_EVENT - 1);
    served.streams++;
    connection->phase = STREAMING;
    connection->chunks_total = connection->chunks_left;
    if (!connection->pace) {
        burst(connection, out);
        return;
    }
    uint64_t at = now();
    if (!paced)
        wheel_time = at / MILLISECOND;
    out = put_next(out, connection);
    connection->due = at + connection->pace;
    if (connection->phase == STREAMING)
        schedule(connection);
    transmit(connection, block, (size_t)(out - block));
}

static uint64_t wish_number(const char *wish, const char *name, uint64_t otherwise)
{
    const char *found = strstr(wish, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : otherwise;
}

static void read_wish(struct connection *connection)
{
    char wish[256] = "";
    const char *model = strstr(connection->peek, "\"model\"");
    model = model ? strchr(model + 7, ':') : NULL;
    model = model ? strchr(model, '"') : NULL;
    if (model)
        snprintf(wish, sizeof wish, "%.*s;", (int)strcspn(model + 1, "\""), model + 1);
    connection->chunks_left = (uint32_t)wish_number(wish, ";chunks=", 0);
    connection->content_size = (uint32_t)wish_number(wish, ";size=", 12);
    connection->pace = wish_number(wish, ";pace=", 0) * MILLISECOND;
    connection->stamps = strstr(wish, ";stamp;") != NULL;
    if (connection->stamps && connection->content_size < STAMP_ROOM)
        connection->content_size = STAMP_ROOM;
    connection->wants_usage = strstr(connection->peek, "\"include_usage\":true") != NULL;
    if (connection->content_size > LARGEST_SIZE)
        connection->content_size = LARGEST_SIZE;
    if (connection->pace > (WHEEL - 1) * MILLISECOND)
        connection->pace = (WHEEL - 1) * MILLISECOND;
}

static void refuse(struct connection *connection)
{
    static const char ANSWER[] = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 47\r\n\r\n"
                                 "{\"error\":{\"message\":\"not the provider's key\"}}\n";
    served.refused++;
    transmit(connection, ANSWER, sizeof ANSWER - 1);
}

static void answer(struct connection *connection)
{
    connection->peek[connection->peek_length] = 0;
    connection->phase = HEAD;
    connection->head_length = 0;
    served.requests++;
    if (connection->refused) {
        refuse(connection);
        return;
    }
    read_wish(connection);
    if (connection->chunks_left)
        start_stream(connection);
    else
        transmit(connection, plain_answer, plain_length);
}

static void feed_body(struct connection *connection, const char *bytes, size_t length)
{
    size_t room = PEEK_ROOM - connection->peek_length;
    size_t peeked = length < room ? length : room;
    memcpy(connection->peek + connection->peek_length, bytes, peeked);
    connection->peek_length += peeked;
    connection->body_left -= length < connection->body_left ? length : connection->body_left;
    if (!connection->body_left)
        answer(connection);
}

static bool holds_key(const char *head, size_t length)
{
    return !key || memmem(head, length, key, strlen(key));
}

/* The length of the body; a chunked request is not understood and dropped, as no relay here sends one. */
static bool read_head(struct connection *connection, const char *head, size_t length)
{
    connection->body_left = 0;
    for (const char *line = head, *end = head + length; line < end;) {
        if (!strncasecmp(line, "content-length:", 15))
            connection->body_left = strtoull(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding:", 18))
            return false;
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        line = line_end ? line_end + 1 : end;
    }
    connection->refused = !holds_key(head, length);
    connection->peek_length = 0;
    connection->phase = BODY;
    return true;
}

static void feed_head(struct connection *connection, const char *bytes, size_t length)
{
    if (connection->head_length + length > HEAD_ROOM && connection->head_length) {
        drop(connection);
        return;
    }
    if (connection->head_length) { /* rare: a head in pieces */
        memcpy(connection->head + connection->head_length, bytes, length);
        length += connection->head_length;
        bytes = connection->head;
    }
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end) {
        size_t head_length = (size_t)(end + 4 - bytes);
        if (read_head(connection, bytes, head_length))
            feed_body(connection, bytes + head_length, length - head_length);
        else
            drop(connection);
        return;
    }
    if (length > HEAD_ROOM || (!connection->head && !(connection->head = malloc(HEAD_ROOM)))) {
        drop(connection);
        return;
    }
    memmove(connection->head, bytes, length);
    connection->head_length = length;
}

static void readable(struct connection *connection)
{
    ssize_t length = recv(connection->fd, received, sizeof received, 0);
    if (length < 0 && errno == EAGAIN)
        return;
    if (length <= 0 || connection->phase == STREAMING) /* gone, or speaking out of turn */
        drop(connection);
    else if (connection->phase == HEAD)
        feed_head(connection, received, (size_t)length);
    else
        feed_body(connection, received, (size_t)length);
}

/* Returns false when the connection was lost and freed. */
static bool flush_unsent(struct connection *connection)
{
    size_t left = connection->unsent_length - connection->unsent_offset;
    ssize_t written = send(connection->fd, connection->unsent + connection->unsent_offset, left, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) {
        drop(connection);
        return false;
    }
    if (written < 0 || (size_t)written < left) {
        connection->unsent_offset += written < 0 ? 0 : (size_t)written;
        return true;
    }
    free(connection->unsent);
    connection->unsent = NULL;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    if (connection->phase == STREAMING && !connection->pace)
        burst(connection, block);
    return true;
}

static void react(struct connection *connection, uint32_t events)
{
    if (events & EPOLLIN)
        readable(connection); /* may free the connection: room is dealt with by the next event */
    else if (events & EPOLLOUT)
        flush_unsent(connection);
    else
        drop(connection);
}

static void accept_all(void)
{
    int one = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection)
            die("out of memory");
        connection->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void serve(void)
{
    struct epoll_event events[512], incoming = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &incoming);
    while (!stopped) {
        int count = epoll_wait(poller, events, 512, paced ? 1 : 1000);
        for (int index = 0; index < count; index++) {
            if (events[index].data.ptr)
                react(events[index].data.ptr, events[index].events);
            else
                accept_all();
        }
        if (paced)
            turn_wheel(now());
    }
}

static void listen_on(const char *address)
{
    char host[64];
    unsigned port;
    int one = 1;
    struct sockaddr_in bound = {.sin_family = AF_INET};
    socklen_t length = sizeof bound;
    if (sscanf(address, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 || inet_pton(AF_INET, host, &bound.sin_addr) != 1)
        die("--listen: expected IPV4:PORT, got %s", address);
    bound.sin_port = htons((uint16_t)port);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (listener < 0 || bind(listener, (struct sockaddr *)&bound, sizeof bound) < 0 || listen(listener, 4096) < 0)
        die("%s: %s", address, strerror(errno));
    getsockname(listener, (struct sockaddr *)&bound, &length);
    printf("listening %u\n", ntohs(bound.sin_port));
    fflush(stdout);
}

int main(int count, char **words)
{
    static const struct option names[] = {{"listen", required_argument, NULL, 'l'}, {"key", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    const char *address = "127.0.0.1:0";
    for (int option; (option = getopt_long(count, words, "", names, NULL)) >= 0;) {
        if (option == 'l')
            address = optarg;
        else if (option == 'k')
            key = optarg;
        else
            return 2;
    }
    memset(content, 'x', sizeof content);
    plain_length = (size_t)sprintf(plain_answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                   sizeof PLAIN_BODY - 1, PLAIN_BODY);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    poller = epoll_create1(EPOLL_CLOEXEC);
    listen_on(address);
    serve();
    printf("{\"requests\":%llu,\"streams\":%llu,\"chunks\":%llu,\"refused\":%llu}\n", (unsigned long long)served.requests,
           (unsigned long long)served.streams, (unsigned long long)served.chunks, (unsigned long long)served.refused);
    return 0;
}

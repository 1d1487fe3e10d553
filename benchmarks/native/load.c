/* Load for an HTTP/1.1 relay: keep-alive requests, streams of server-sent events, and readers that stop reading.
 *
 * One request (a file with head and body, sent as it stands) is repeated over N connections, each waiting for its
 * whole answer before it sends again. What comes back is framed properly (Content-Length or chunked, chunk
 * extensions and trailers included), because a generator that only looks for familiar bytes would count a broken
 * relay as a fast one.
 *
 * Standard output carries three lines: "begin" when the measured window opens, "end" when it closes, and one JSON
 * object. Traffic goes on after "end" until a byte or the end of standard input arrives, so that whoever reads the
 * CPU clocks of the relay reads them under load both times. With --requests the run ends by itself.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_ROOM (256 * 1024)
#define CARRY_LIMIT (1024 * 1024)
#define MANY_ERRORS 1000
#define SECOND 1000000000ULL
#define STOP_PATIENCE (5 * SECOND)

/* A log-linear histogram: 128 steps per power of two, so a value is known to within 0.8 %. */

#define STEP_BITS 7
#define STEPS (1 << STEP_BITS)
#define BUCKETS (48 * STEPS)

struct histogram {
    uint64_t count, sum, max;
    uint64_t buckets[BUCKETS];
};

static unsigned bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - STEP_BITS;
    unsigned index = ((shift + 1) << STEP_BITS) + (unsigned)((value >> shift) & (STEPS - 1));
    return index < BUCKETS ? index : BUCKETS - 1;
}

static uint64_t value_of(unsigned bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned shift = (bucket >> STEP_BITS) - 1;
    return ((uint64_t)(STEPS + (bucket & (STEPS - 1))) << shift) + ((1ULL << shift) >> 1);
}

static void record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[bucket_of(value)]++;
}

static double percentile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen > wanted)
            return (double)(value_of(bucket) < histogram->max ? value_of(bucket) : histogram->max);
    }
    return (double)histogram->max;
}

static void print_histogram(const char *name, const struct histogram *histogram)
{
    double count = histogram->count ? (double)histogram->count : 1;
    printf(",\"%s\":{\"count\":%llu,\"mean\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", name,
           (unsigned long long)histogram->count, (double)histogram->sum / count / 1e3, percentile(histogram, 0.50) / 1e3,
           percentile(histogram, 0.90) / 1e3, percentile(histogram, 0.99) / 1e3, percentile(histogram, 0.999) / 1e3,
           (double)histogram->max / 1e3);
}

enum mode { PLAIN, STREAM, STALL };
enum failure { CONNECT, CLOSED, STATUS, FRAMING, SHORT, FAILURES };
static const char *const FAILURE_NAMES[FAILURES] = {"connect", "closed", "status", "framing", "short"};

struct counters {
    uint64_t requests, chunks, comments, bytes, errors[FAILURES];
};

static struct {
    struct sockaddr_in address;
    enum mode mode;
    unsigned connections;
    uint64_t warmup, window, ramp, deadline; /* ns */
    uint64_t requests;                       /* 0: run by time */
    uint32_t chunks;                         /* expected in each stream, 0: any */
    const char *content, *end;               /* what stands before the text of a chunk, and behind the last one */
    size_t content_length, end_length;
    char *request;
    size_t request_length;
} options = {.connections = 1, .window = SECOND, .deadline = 60 * SECOND, .content = "\"content\":\"", .end = "data: [DONE]"};

static struct counters total, at_begin, at_end;
static struct histogram latency, first_chunk, delay;
static uint64_t began, ended;
static double cpu_at_begin, cpu_at_end;
static char first_error[256];
static bool measuring;
static uint32_t stalled;
static uint64_t issued;

enum phase { IDLE, CONNECTING, HEAD, LENGTH, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_BYTES, CHUNK_END, TRAILER, STALLED };

struct connection {
    int fd;
    enum phase phase;
    bool wants_write, closes, size_seen, done_seen;
    size_t sent;
    uint64_t started;
    uint64_t remaining;   /* of the body or of the chunk, bytes */
    uint32_t line_length; /* of the trailer line or of the bytes after a chunk */
    uint32_t chunks;
    char *carry; /* an unfinished head or event */
    size_t carry_length;
};

static struct connection *connections;
static int poller;
static char received[RECEIVE_ROOM];
static char payload[RECEIVE_ROOM + CARRY_LIMIT];
static size_t payload_length;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static double own_cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void watch(struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    connection->wants_write = events & EPOLLOUT;
}

static void open_connection(struct connection *connection);

static uint64_t error_count(void)
{
    uint64_t errors = 0;
    for (int kind = 0; kind < FAILURES; kind++)
        errors += total.errors[kind];
    return errors;
}

static void fail(struct connection *connection, enum failure failure, const char *what)
{
    total.errors[failure]++;
    if (!first_error[0])
        snprintf(first_error, sizeof first_error, "%s: %s", FAILURE_NAMES[failure], what);
    if (error_count() > MANY_ERRORS)
        die("more than %d errors; the first one was %s", MANY_ERRORS, first_error);
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    open_connection(connection);
}

static void send_rest(struct connection *connection)
{
    while (connection->sent < options.request_length) {
        ssize_t written = send(connection->fd, options.request + connection->sent, options.request_length - connection->sent, MSG_NOSIGNAL);
        if (written < 0) {
            if (errno == EAGAIN) {
                if (!connection->wants_write)
                    watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return;
            }
            fail(connection, CLOSED, strerror(errno));
            return;
        }
        connection->sent += (size_t)written;
    }
    if (connection->wants_write)
        watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void start_request(struct connection *connection)
{
    connection->phase = IDLE;
    if (options.requests && issued == options.requests)
        return;
    issued++;
    connection->phase = HEAD;
    connection->sent = 0;
    connection->chunks = 0;
    connection->done_seen = connection->closes = false;
    connection->carry_length = 0;
    connection->started = now();
    send_rest(connection);
}

static void open_connection(struct connection *connection)
{
    int one = 1, small = 8192;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (options.mode == STALL) /* what the relay holds is of interest, not what the kernel holds for us */
        setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    connection->phase = CONNECTING;
    int result = connect(connection->fd, (struct sockaddr *)&options.address, sizeof options.address);
    if (result < 0 && errno != EINPROGRESS) {
        fail(connection, CONNECT, strerror(errno));
        return;
    }
    watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void connected(struct connection *connection)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error)
        fail(connection, CONNECT, strerror(error));
    else
        start_request(connection);
}

static void keep(struct connection *connection, const char *bytes, size_t length)
{
    if (!connection->carry && !(connection->carry = malloc(CARRY_LIMIT)))
        die("out of memory");
    memmove(connection->carry, bytes, length);
    connection->carry_length = length;
}

static uint64_t read_stamp(const char *text, const char *end)
{
    uint64_t stamp = 0;
    for (; text < end && *text >= '0' && *text <= '9'; text++)
        stamp = stamp * 10 + (uint64_t)(*text - '0');
    return stamp;
}

/* A chunk is an event with content in it; those that only open and close a stream are not counted. */
static void count_event(struct connection *connection, const char *event, size_t length, uint64_t at)
{
    if (length && event[0] == ':') {
        total.comments++;
        return;
    }
    const char *content = memmem(event, length, options.content, options.content_length);
    if (!content || content[options.content_length] == '"') {
        connection->done_seen |= memmem(event, length, options.end, options.end_length) != NULL;
        return;
    }
    total.chunks++;
    connection->chunks++;
    if (!measuring)
        return;
    if (connection->chunks == 1)
        record(&first_chunk, at - connection->started);
    uint64_t stamp = read_stamp(content + options.content_length, event + length);
    if (stamp)
        record(&delay, at > stamp ? at - stamp : 0);
}

static bool scan_events(struct connection *connection)
{
    const char *event = payload, *search = payload, *end = payload + payload_length, *line_end;
    uint64_t at = now();
    while ((line_end = memchr(search, '\n', (size_t)(end - search)))) {
        if (line_end + 1 == end)
            break;
        search = line_end + 1;
        if (*search == '\n') {
            count_event(connection, event, (size_t)(line_end - event), at);
            event = ++search;
        }
    }
    if ((size_t)(end - event) > CARRY_LIMIT)
        return false;
    keep(connection, event, (size_t)(end - event));
    return true;
}

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void take(const char *bytes, size_t length)
{
    total.bytes += length;
    if (options.mode == PLAIN)
        return;
    memcpy(payload + payload_length, bytes, length);
    payload_length += length;
}

static size_t take_body(struct connection *connection, const char *bytes, size_t length)
{
    size_t usable = length < connection->remaining ? length : (size_t)connection->remaining;
    take(bytes, usable);
    connection->remaining -= usable;
    return usable;
}

/* One byte of the framing between chunks. Returns 1 when the message is complete, -1 when it is malformed. */
static int framing_byte(struct connection *connection, char byte)
{
    switch (connection->phase) {
    case CHUNK_SIZE:
        if (hex(byte) >= 0 && connection->remaining < (1ULL << 40)) {
            connection->remaining = connection->remaining * 16 + (uint64_t)hex(byte);
            connection->size_seen = true;
            return 0;
        }
        connection->phase = CHUNK_EXTENSION;
        if (!connection->size_seen || (byte != '\r' && byte != ';' && byte != ' '))
            return -1;
        return 0;
    case CHUNK_EXTENSION:
        if (byte != '\n')
            return 0;
        connection->phase = connection->remaining ? CHUNK_BYTES : TRAILER;
        connection->line_length = 0;
        return 0;
    case CHUNK_END:
        if (byte != "\r\n"[connection->line_length])
            return -1;
        if (++connection->line_length == 2) {
            connection->phase = CHUNK_SIZE;
            connection->remaining = 0;
            connection->size_seen = false;
        }
        return 0;
    default: /* TRAILER */
        if (byte == '\n') {
            if (!connection->line_length)
                return 1;
            connection->line_length = 0;
        } else if (byte != '\r') {
            connection->line_length++;
        }
        return 0;
    }
}

/* Feeds bytes of the body. Returns 1 when the message is complete, 0 when more is needed, -1 when it is malformed. */
static int feed_body(struct connection *connection, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    if (connection->phase == LENGTH) {
        bytes += take_body(connection, bytes, length);
        return bytes < end ? -1 : connection->remaining == 0;
    }
    while (bytes < end) {
        if (connection->phase == CHUNK_BYTES) {
            bytes += take_body(connection, bytes, (size_t)(end - bytes));
            if (!connection->remaining) {
                connection->phase = CHUNK_END;
                connection->line_length = 0;
            }
            continue;
        }
        int result = framing_byte(connection, *bytes++);
        if (result)
            return result < 0 || bytes < end ? -1 : 1;
    }
    return 0;
}

static void note_header(struct connection *connection, const char *line, size_t length)
{
    static const char CONTENT_LENGTH[] = "content-length:", TRANSFER[] = "transfer-encoding: chunked", CLOSE[] = "connection: close";
    if (length >= sizeof CONTENT_LENGTH - 1 && !strncasecmp(line, CONTENT_LENGTH, sizeof CONTENT_LENGTH - 1)) {
        connection->remaining = strtoull(line + sizeof CONTENT_LENGTH - 1, NULL, 10);
        connection->phase = LENGTH;
    } else if (length >= sizeof TRANSFER - 1 && !strncasecmp(line, TRANSFER, sizeof TRANSFER - 1)) {
        connection->remaining = 0;
        connection->size_seen = false;
        connection->phase = CHUNK_SIZE;
    } else if (length >= sizeof CLOSE - 1 && !strncasecmp(line, CLOSE, sizeof CLOSE - 1)) {
        connection->closes = true;
    }
}

/* Reads a complete head. Returns false when the connection had to be given up. */
static bool read_head(struct connection *connection, const char *head, const char *end)
{
    char status[64];
    if (end - head < 12 || memcmp(head, "HTTP/1.", 7)) {
        fail(connection, FRAMING, "not an HTTP/1 answer");
        return false;
    }
    if (memcmp(head + 9, "200", 3)) {
        snprintf(status, sizeof status, "%.*s", (int)((end - head) < 32 ? end - head : 32), head);
        status[strcspn(status, "\r\n")] = 0;
        fail(connection, STATUS, status);
        return false;
    }
    for (const char *line = head; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            break;
        note_header(connection, line, (size_t)(line_end - line));
        line = line_end + 1;
    }
    if (connection->phase == HEAD) {
        fail(connection, FRAMING, "neither Content-Length nor chunked");
        return false;
    }
    return true;
}

static void complete(struct connection *connection)
{
    if (options.mode != PLAIN && (!connection->done_seen || (options.chunks && connection->chunks != options.chunks))) {
        char what[80];
        snprintf(what, sizeof what, "%u chunks, %u expected%s", connection->chunks, options.chunks, connection->done_seen ? "" : ", no end");
        fail(connection, SHORT, what);
        return;
    }
    if (connection->sent < options.request_length) {
        fail(connection, CLOSED, "answered before the request was sent");
        return;
    }
    total.requests++;
    if (measuring)
        record(&latency, now() - connection->started);
    if (connection->closes) {
        close(connection->fd);
        open_connection(connection);
    } else {
        start_request(connection);
    }
}

static void stall(struct connection *connection)
{
    epoll_ctl(poller, EPOLL_CTL_DEL, connection->fd, NULL);
    connection->phase = STALLED;
    stalled++;
}

static void feed(struct connection *connection, const char *bytes, size_t length)
{
    if (connection->phase == HEAD) {
        if (connection->carry_length + length > CARRY_LIMIT) {
            fail(connection, FRAMING, "endless head");
            return;
        }
        bool joined = connection->carry_length > 0;
        if (joined) { /* rare: a head in pieces */
            memcpy(connection->carry + connection->carry_length, bytes, length);
            length += connection->carry_length;
            bytes = connection->carry;
        }
        const char *end = memmem(bytes, length, "\r\n\r\n", 4);
        if (!end) {
            keep(connection, bytes, length);
            return;
        }
        connection->carry_length = 0;
        if (!read_head(connection, bytes, end + 2))
            return;
        length -= (size_t)(end + 4 - bytes);
        if (joined) /* the carry is about to be reused for events */
            bytes = memmove(received, end + 4, length);
        else
            bytes = end + 4;
    }
    payload_length = connection->carry_length;
    if (payload_length)
        memcpy(payload, connection->carry, payload_length);
    int result = feed_body(connection, bytes, length);
    if (result < 0) {
        fail(connection, FRAMING, "malformed body");
        return;
    }
    if (options.mode != PLAIN && !scan_events(connection)) {
        fail(connection, FRAMING, "endless event");
        return;
    }
    if (options.mode == STALL && connection->chunks)
        stall(connection);
    else if (result)
        complete(connection);
}

static void readable(struct connection *connection)
{
    ssize_t length = recv(connection->fd, received, sizeof received, 0);
    if (length > 0)
        feed(connection, received, (size_t)length);
    else if (length == 0)
        fail(connection, CLOSED, "the peer closed the connection in an answer");
    else if (errno != EAGAIN)
        fail(connection, CLOSED, strerror(errno));
}

static void react(struct connection *connection, uint32_t events)
{
    if (connection->phase == CONNECTING) {
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            connected(connection);
        return;
    }
    int fd = connection->fd;
    if (events & EPOLLOUT)
        send_rest(connection);
    if (connection->fd == fd && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        readable(connection);
}

static void begin(uint64_t at)
{
    began = at;
    at_begin = total;
    cpu_at_begin = own_cpu();
    measuring = true;
    puts("begin");
    fflush(stdout);
}

static void end_window(uint64_t at)
{
    ended = at;
    at_end = total;
    cpu_at_end = own_cpu();
    measuring = false;
    puts("end");
    fflush(stdout);
}

static bool finished(uint64_t at, uint64_t start)
{
    if (options.requests) {
        if (total.requests + error_count() < options.requests && at - start < options.deadline)
            return false;
        end_window(at);
        return true;
    }
    bool ready = options.mode == STALL ? stalled == options.connections || at - start > options.deadline
                                       : at - start >= options.ramp + options.warmup;
    if (!began && ready)
        begin(at);
    else if (began && !ended && at - began >= options.window)
        end_window(at);
    return ended && at - ended > STOP_PATIENCE;
}

static void run(void)
{
    struct epoll_event events[512], input = {.events = EPOLLIN, .data.ptr = NULL};
    uint64_t start = now(), at = start;
    unsigned opened = 0;
    bool stop = false;
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input); /* refused for a plain file: then patience ends the run */
    if (options.requests)
        begin(start);
    while (!stop && !finished(at, start)) {
        while (opened < options.connections && at - start >= options.ramp * opened / options.connections)
            open_connection(&connections[opened++]);
        int count = epoll_wait(poller, events, 512, opened < options.connections ? 1 : 5);
        for (int index = 0; index < count; index++) {
            if (events[index].data.ptr)
                react(events[index].data.ptr, events[index].events);
            else if (ended)
                stop = true;
            else
                epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, NULL); /* nobody is there to stop us: patience does */
        }
        at = now();
    }
}

static void print_errors(void)
{
    printf("\"errors\":{");
    for (int kind = 0; kind < FAILURES; kind++)
        printf("%s\"%s\":%llu", kind ? "," : "", FAILURE_NAMES[kind], (unsigned long long)(at_end.errors[kind] - (options.requests ? 0 : at_begin.errors[kind])));
    printf("},\"first_error\":\"");
    for (const char *letter = first_error; *letter; letter++)
        putchar(*letter < ' ' || *letter == '"' || *letter == '\\' ? '?' : *letter);
    printf("\"");
}

static void report(void)
{
    printf("{\"window_seconds\":%.6f,\"requests\":%llu,\"chunks\":%llu,\"comments\":%llu,\"bytes\":%llu,\"stalled\":%u,\"cpu_seconds\":%.6f,",
           (double)(ended - began) / 1e9, (unsigned long long)(at_end.requests - at_begin.requests),
           (unsigned long long)(at_end.chunks - at_begin.chunks), (unsigned long long)(at_end.comments - at_begin.comments),
           (unsigned long long)(at_end.bytes - at_begin.bytes), stalled, cpu_at_end - cpu_at_begin);
    print_errors();
    print_histogram("latency_us", &latency);
    print_histogram("first_us", &first_chunk);
    print_histogram("delay_us", &delay);
    puts("}");
}

static void read_request(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        die("%s: %s", path, strerror(errno));
    options.request_length = (size_t)ftell(file);
    rewind(file);
    options.request = malloc(options.request_length + 1);
    if (!options.request || fread(options.request, 1, options.request_length, file) != options.request_length)
        die("%s: cannot be read", path);
    fclose(file);
}

static void read_address(const char *text)
{
    char host[64];
    unsigned port;
    options.address.sin_family = AF_INET;
    if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 || inet_pton(AF_INET, host, &options.address.sin_addr) != 1)
        die("--address: expected IPV4:PORT, got %s", text);
    options.address.sin_port = htons((uint16_t)port);
}

static void read_mode(const char *text)
{
    static const char *const names[] = {"plain", "stream", "stall"};
    for (int mode = PLAIN; mode <= STALL; mode++)
        if (!strcmp(text, names[mode])) {
            options.mode = (enum mode)mode;
            return;
        }
    die("--mode: expected plain, stream or stall, got %s", text);
}

static uint64_t seconds(const char *text)
{
    return (uint64_t)(atof(text) * 1e9);
}

static void read_options(int count, char **words)
{
    static const struct option names[] = {
        {"address", required_argument, NULL, 'a'}, {"mode", required_argument, NULL, 'm'},     {"connections", required_argument, NULL, 'c'},
        {"request", required_argument, NULL, 'r'}, {"warmup", required_argument, NULL, 'w'},   {"seconds", required_argument, NULL, 's'},
        {"ramp", required_argument, NULL, 'p'},    {"requests", required_argument, NULL, 'n'}, {"chunks", required_argument, NULL, 'k'},
        {"deadline", required_argument, NULL, 'd'}, {"content", required_argument, NULL, 't'}, {"end", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, words, "", names, NULL)) >= 0;) {
        switch (option) {
        case 'a': read_address(optarg); break;
        case 'm': read_mode(optarg); break;
        case 'c': options.connections = (unsigned)atoi(optarg); break;
        case 'r': read_request(optarg); break;
        case 'w': options.warmup = seconds(optarg); break;
        case 's': options.window = seconds(optarg); break;
        case 'p': options.ramp = seconds(optarg); break;
        case 'n': options.requests = strtoull(optarg, NULL, 10); break;
        case 'k': options.chunks = (uint32_t)atoi(optarg); break;
        case 'd': options.deadline = seconds(optarg); break;
        case 't': options.content = optarg; break;
        case 'e': options.end = optarg; break;
        default: exit(2);
        }
    }
    options.content_length = strlen(options.content);
    options.end_length = strlen(options.end);
    if (!options.request || !options.address.sin_port || !options.connections)
        die("--address, --request and at least one connection are needed");
}

int main(int count, char **words)
{
    read_options(count, words);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof *connections);
    if (poller < 0 || !connections)
        die("cannot start: %s", strerror(errno));
    for (unsigned index = 0; index < options.connections; index++)
        connections[index].fd = -1;
    run();
    report();
    return 0;
}

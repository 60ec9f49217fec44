/*
 * methods.c - THE method table, and the validation that is read from it.
 *
 * Called by request.c for each call. Handlers are in method_NOUN.c; the OpenRPC document is printed
 * in discover.c from these rows.
 */
#include "api/common/text.h"
#include "api/common/netallow.h"
#include "orchestrator/method.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define END_PARAMS                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define KIND(k) (1u << (k))
#define READS (KIND(E_INVALID) | KIND(E_UNAVAILABLE) | KIND(E_INTERNAL))
#define FINDS (READS | KIND(E_NOT_FOUND))
#define FINDS_RUN (FINDS | KIND(E_CONFLICT))
#define WRITES (READS | KIND(E_LIMIT) | KIND(E_CONFLICT) | KIND(E_NOT_FOUND))

#define RUN_PARAM                                                                                  \
    {                                                                                              \
        .name = "run", .type = PARAM_RUN, .required = true,                                        \
        .meaning = "id of the run, or a prefix of at least 4 "                                     \
                   "characters that only one run has"                                              \
    }
#define KEY_PARAM                                                                                  \
    {                                                                                              \
        .name = "idempotency_key", .type = PARAM_STRING, .min = 1, .max = 200,                     \
        .meaning = "makes a retry safe, for 24 hours: the same key and the same request give the " \
                   "first answer"                                                                  \
    }

static const struct param text_item = {.name = "item",
                                       .type = PARAM_STRING,
                                       .min = 0,
                                       .max = 131072,
                                       .meaning = "one argument, without NUL"};
static const struct param sha_item = {
    .name = "item", .type = PARAM_SHA256, .meaning = "SHA-256, lower-case hex"};
static const struct param ref_item = {
    .name = "item",
    .type = PARAM_STRING,
    .min = 1,
    .max = 85,
    .meaning = "NAME@VERSION, or NAME for its latest sealed version"};
static const struct param env_item = {.name = "value",
                                      .type = PARAM_STRING,
                                      .min = 0,
                                      .max = 65536,
                                      .meaning = "value of the variable"};
static const struct param scalar_item = {.name = "value",
                                         .type = PARAM_SCALAR,
                                         .min = 0,
                                         .max = 6000,
                                         .meaning = "string, number or boolean; kept as text"};

#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
enum { TB_GB = 1 << 10 };
#define GIB ((int64_t)1 << 30)
#define DAY_MS ((int64_t)86400 * 1000)

static const struct param resource_params[] = {
    {.name = "cpus_milli",
     .type = PARAM_INTEGER,
     .min = 10,
     .max = 1024000,
     .otherwise = "1000",
     .meaning = "CPUs in thousandths"},
    {.name = "memory_bytes",
     .type = PARAM_INTEGER,
     .min = 4 << 20,
     .max = TB_GB * GIB,
     .otherwise = "1073741824",
     .meaning = "memory limit"},
    {.name = "processes",
     .type = PARAM_INTEGER,
     .min = 1,
     .max = 1000000,
     .otherwise = "256",
     .meaning = "processes and threads at once"},
    {.name = "wall_ms",
     .type = PARAM_INTEGER,
     .min = 1,
     .max = 365 * DAY_MS,
     .otherwise = "3600000",
     .meaning = "time limit"},
    {.name = "cpu_ms",
     .type = PARAM_INTEGER,
     .min = 0,
     .max = 365 * DAY_MS,
     .otherwise = "0",
     .meaning = "CPU time limit; 0: none"},
    {.name = "grace_ms",
     .type = PARAM_INTEGER,
     .min = 0,
     .max = 600000,
     .otherwise = "5000",
     .meaning = "between SIGTERM and SIGKILL"},
    {.name = "work_bytes",
     .type = PARAM_INTEGER,
     .min = 4096,
     .max = TB_GB * GIB,
     .otherwise = "536870912",
     .meaning = "what the run may write below /work"},
    {.name = "tmp_bytes",
     .type = PARAM_INTEGER,
     .min = 4096,
     .max = TB_GB * GIB,
     .otherwise = "268435456",
     .meaning = "what the run may write below /tmp"},
    {.name = "output_bytes",
     .type = PARAM_INTEGER,
     .min = 4096,
     .max = TB_GB * GIB,
     .otherwise = "536870912",
     .meaning = "what the run may leave below /outputs"},
    {.name = "output_files",
     .type = PARAM_INTEGER,
     .min = 1,
     .max = 100000,
     .otherwise = "10000",
     .meaning = "files that the run may leave below /outputs"},
    {.name = "output_disk",
     .type = PARAM_INTEGER,
     .min = 0,
     .max = 1,
     .otherwise = "0",
     .meaning = "1: /outputs is on the lab's disk (root's lab only), 0: in the run's memory"},
    {.name = "log_bytes",
     .type = PARAM_INTEGER,
     .min = 4096,
     .max = GIB,
     .otherwise = "4194304",
     .meaning = "output that is kept; what is past it is dropped from the middle"},
    END_PARAMS,
};

static const struct param allow_item = {
    .name = "host", .type = PARAM_STRING, .min = 1, .max = NET_ALLOW_TEXT - 1,
    .meaning = "host:port, *.host:port, address:port or network/bits:port"};

static const struct param interactive_params[] = {
    {.name = "kind",
     .type = PARAM_CHOICE,
     .required = true,
     .choices = CHOICES("shell", "notebook"),
     .meaning = "shell: the command has a terminal (run.attach); notebook: ports of the run's own "
                "loopback can be reached (run.connect)"},
    {.name = "idle_ms",
     .type = PARAM_INTEGER,
     .min = 0,
     .max = 366 * DAY_MS,
     .otherwise = "1800000",
     .meaning = "ends the run when nothing was typed, shown, connected or computed for that long; "
                "0: never"},
    {.name = "rows",
     .type = PARAM_INTEGER,
     .min = 1,
     .max = 1000,
     .otherwise = "24",
     .meaning = "of the terminal at its start"},
    {.name = "cols",
     .type = PARAM_INTEGER,
     .min = 1,
     .max = 1000,
     .otherwise = "80",
     .meaning = "of the terminal at its start"},
    END_PARAMS,
};

static const struct param submit_params[] = {
    {.name = "name", .type = PARAM_STRING, .min = 1, .max = 200, .meaning = "name for people"},
    {.name = "command",
     .type = PARAM_ARRAY,
     .required = true,
     .min = 1,
     .max = 4096,
     .of = &text_item,
     .meaning = "program and arguments, 128 KiB in all"},
    {.name = "code",
     .type = PARAM_SHA256,
     .meaning = "manifest of the code folder; left out: /work is empty"},
    {.name = "profile", .type = PARAM_NAME, .otherwise = "\"base\"", .meaning = "sandbox profile"},
    {.name = "datasets",
     .type = PARAM_ARRAY,
     .min = 0,
     .max = 64,
     .of = &ref_item,
     .otherwise = "[]",
     .meaning = "sealed dataset versions, each at /data/NAME"},
    {.name = "environment",
     .type = PARAM_STRING,
     .min = 1,
     .max = 85,
     .otherwise = "\"host\"",
     .meaning = "what its /usr is: NAME@VERSION, NAME for its latest version, or host for the machine's"},
    {.name = "resources", .type = PARAM_OBJECT, .of = resource_params, .meaning = "limits"},
    {.name = "env",
     .type = PARAM_MAP,
     .max = 256,
     .of = &env_item,
     .meaning = "environment; ENCLOS_*, LD_*, HOME and TMPDIR are the lab's"},
    {.name = "params",
     .type = PARAM_MAP,
     .max = 2000,
     .of = &scalar_item,
     .meaning = "parameters known before it starts"},
    {.name = "tags", .type = PARAM_MAP, .max = 2000, .of = &scalar_item, .meaning = "tags"},
    {.name = "experiment",
     .type = PARAM_STRING,
     .min = 1,
     .max = 200,
     .meaning = "question that it belongs to"},
    {.name = "priority",
     .type = PARAM_INTEGER,
     .min = -100,
     .max = 100,
     .otherwise = "0",
     .meaning = "greater goes first"},
    {.name = "limits",
     .type = PARAM_CHOICE,
     .choices = CHOICES("enforced", "best_effort"),
     .meaning = "best_effort: start even where a limit cannot be enforced here; left out: the "
                "lab's default, which is enforced unless its owner chose otherwise (lab.info)"},
    {.name = "report_paths",
     .type = PARAM_BOOLEAN,
     .otherwise = "false",
     .meaning = "record refused file paths too (slower)"},
    {.name = "allow_hosts",
     .type = PARAM_ARRAY,
     .min = 0,
     .max = NET_ALLOW_MAX,
     .of = &allow_item,
     .meaning = "of a profile whose network is proxy: the part of its list that this run may reach; left out: all of it"},
    {.name = "warm",
     .type = PARAM_BOOLEAN,
     .otherwise = "false",
     .meaning = "start from a process that has the profile's imports done, kept for this account "
                "only; where that cannot be, the run starts as usual and sandbox.warm says why"},
    {.name = "interactive",
     .type = PARAM_OBJECT,
     .of = interactive_params,
     .meaning = "a run to work in while it goes"},
    KEY_PARAM,
    END_PARAMS,
};

#define LIMIT_PARAM(most, usual)                                                                   \
    {                                                                                              \
        .name = "limit", .type = PARAM_INTEGER, .min = 1, .max = (most), .otherwise = (usual),     \
        .meaning = "how many at most"                                                              \
    }
#define CURSOR_PARAM                                                                               \
    {                                                                                              \
        .name = "cursor", .type = PARAM_STRING, .min = 1, .max = 200,                              \
        .meaning = "next_cursor of the page before"                                                \
    }

static const char run_shape[] =
    "{id, name, state, verdict, exit_code, signal, reason, actor:{uid,name}, experiment, profile, "
    "command, code, interactive: {kind, idle_ms} or null, "
    "datasets:[{name,version,ref,manifest}], environment:{name,version,ref,manifest}, resources, params, tags, created_us, started_us, "
    "finished_us, wall_ms, "
    "cpu_ms, memory_peak_bytes, priority, queue_reason, metrics:[{name,value,step,min,max,count}], "
    "bad_metrics, metrics_dropped: lines that were lost or null, "
    "artifacts:[{path,size_bytes,sha256,mode}], refused_outputs, denied, failed, "
    "network: null or {allow_hosts,allowed,refused,connections:[{host,port,allowed,why,count,up_bytes,down_bytes}]}, "
    "log:{kept_bytes,dropped_bytes,error}, warnings:[text], sandbox}";

const struct method methods[] = {
    {.name = "rpc.discover",
     .summary = "This document: every method, its params, result and errors (OpenRPC).",
     .result = "an OpenRPC document",
     .errors = READS,
     .handle = method_rpc_discover},
    {.name = "rpc.unsubscribe",
     .summary = "Ends a subscription of this connection.",
     .params = (const struct param[]){{.name = "subscription",
                                       .type = PARAM_INTEGER,
                                       .required = true,
                                       .min = 1,
                                       .max = INT64_C(1) << 53,
                                       .meaning = "its number"},
                                      END_PARAMS},
     .result = "{unsubscribed: true}",
     .errors = FINDS,
     .handle = method_rpc_unsubscribe},
    {.name = "lab.ping",
     .summary = "Answers at once.",
     .result = "{pong: true}",
     .errors = READS,
     .handle = method_lab_ping},
    {.name = "lab.info",
     .summary = "What this lab is, has and does now, and who you are to it.",
     .result =
         "{version, api_version, lab:{state_dir,uid}, limits: enforced or best_effort where a "
         "run does not say, capacity:{cpus_milli,memory_bytes}, "
         "used:{...}, "
         "runs:{queued,starting,running}, runner:{generation,ready,doctor}, actor:{uid,name}}",
     .errors = READS,
     .handle = method_lab_info},
    {.name = "lab.doctor",
     .summary =
         "Looks for what is wrong or missing on this host and in the lab: dataset versions in "
         "quarantine, damaged objects.",
     .result = "{checks:[{name, ok, message, hint}]}",
     .errors = READS,
     .handle = method_lab_doctor},
    {.name = "blob.missing",
     .summary = "Which of these objects the lab does not have.",
     .params = (const struct param[]){{.name = "sha256",
                                       .type = PARAM_ARRAY,
                                       .required = true,
                                       .min = 0,
                                       .max = 5000,
                                       .of = &sha_item,
                                       .meaning = "digests"},
                                      END_PARAMS},
     .result = "{missing:[sha256]}",
     .errors = READS,
     .handle = method_blob_missing},
    {.name = "blob.put",
     .summary =
         "Stores a file whose descriptor comes with the request (SCM_RIGHTS, with its first byte).",
     .params =
         (const struct param[]){
             {.name = "sha256", .type = PARAM_SHA256, .required = true, .meaning = "its digest"},
             {.name = "size_bytes",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "its size"},
             END_PARAMS},
     .result = "{stored: true, or false when it was there}",
     .errors = WRITES,
     .flags = METHOD_TAKES_FD | METHOD_CREATES,
     .handle = method_blob_put},
    {.name = "blob.put_chunk",
     .summary = "Stores an object piece by piece; an empty piece asks how far it is.",
     .params =
         (const struct param[]){
             {.name = "sha256", .type = PARAM_SHA256, .required = true, .meaning = "its digest"},
             {.name = "total_bytes",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "size of the whole"},
             {.name = "offset",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "where this piece goes: what was received so far"},
             {.name = "data_base64",
              .type = PARAM_STRING,
              .required = true,
              .min = 0,
              .max = 1 << 20,
              .meaning = "the piece, base64 (RFC 4648)"},
             END_PARAMS},
     .result = "{received_bytes, complete}",
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_blob_put_chunk},
    {.name = "run.submit",
     .summary = "Queues a run; answers once that is on disk.",
     .params = submit_params,
     .result = "{run: id, state: \"queued\"}",
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_run_submit},
    {.name = "run.get",
     .summary = "All that is known of a run.",
     .params = (const struct param[]){RUN_PARAM, END_PARAMS},
     .result = run_shape,
     .errors = FINDS_RUN,
     .handle = method_run_get},
    {.name = "run.list",
     .summary = "Runs, the newest first unless asked otherwise, in short.",
     .params =
         (const struct param[]){LIMIT_PARAM(1000, "50"),
                                CURSOR_PARAM,
                                {.name = "state",
                                 .type = PARAM_CHOICE,
                                 .choices = CHOICES("queued", "starting", "running", "finished"),
                                 .meaning = "only runs in that state"},
                                {.name = "order",
                                 .type = PARAM_CHOICE,
                                 .choices = CHOICES("newest", "oldest"),
                                 .otherwise = "\"newest\"",
                                 .meaning = "by the time of submission"},
                                END_PARAMS},
     .result = "{runs:[...], next_cursor: text or null}",
     .errors = READS,
     .handle = method_run_list},
    {.name = "run.cancel",
     .summary = "Asks for a run to be stopped.",
     .params =
         (const struct param[]){
             RUN_PARAM,
             {.name = "reason", .type = PARAM_STRING, .min = 1, .max = 500, .meaning = "why"},
             END_PARAMS},
     .result = "{run, state, accepted: true}",
     .errors = FINDS_RUN,
     .handle = method_run_cancel},
    {.name = "run.wait",
     .summary = "Answers when the run has ended, or after the time given.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "timeout_ms",
                                       .type = PARAM_INTEGER,
                                       .min = 0,
                                       .max = 3600000,
                                       .otherwise = "60000",
                                       .meaning = "how long to wait"},
                                      END_PARAMS},
     .result = "{run: as run.get, finished: boolean}",
     .errors = FINDS_RUN,
     .handle = method_run_wait},
    {.name = "run.logs",
     .summary = "What a run wrote, from a place on.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "from",
                                       .type = PARAM_INTEGER,
                                       .min = 0,
                                       .max = INT64_C(1) << 53,
                                       .otherwise = "0",
                                       .meaning = "0, or a number or next that was given"},
                                      {.name = "limit_bytes",
                                       .type = PARAM_INTEGER,
                                       .min = 1024,
                                       .max = 262144,
                                       .otherwise = "262144",
                                       .meaning = "how much at most"},
                                      END_PARAMS},
     .result = "{chunks:[{number, time_us, stream: stdout|stderr|gap, text or base64, "
               "dropped_bytes for a gap}], "
               "next, eof}",
     .errors = FINDS_RUN,
     .handle = method_run_logs},
    {.name = "run.metrics",
     .summary = "Latest values of a run's metrics, or all points of one.",
     .params =
         (const struct param[]){
             RUN_PARAM,
             {.name = "name", .type = PARAM_STRING, .min = 1, .max = 250, .meaning = "one metric"},
             {.name = "from",
              .type = PARAM_INTEGER,
              .min = 0,
              .max = INT64_C(1) << 53,
              .otherwise = "0",
              .meaning = "0, or next of the page before"},
             LIMIT_PARAM(5000, "1000"),
             END_PARAMS},
     .result = "{metrics:[{name,value,step,min,max,count}]} or {name, "
               "points:[{step,value,time_us}], next}",
     .errors = FINDS_RUN,
     .handle = method_run_metrics},
    {.name = "run.connections",
     .summary = "What a run whose network is proxy asked the lab to dial, in that order, and what came of it.",
     .params =
         (const struct param[]){
             RUN_PARAM,
             {.name = "from",
              .type = PARAM_INTEGER,
              .min = 0,
              .max = INT64_C(1) << 53,
              .otherwise = "0",
              .meaning = "0, or next of the page before"},
             LIMIT_PARAM(5000, "1000"),
             END_PARAMS},
     .result = "{allow_hosts, allowed, refused, unlisted: refusals past the bound, that have no row, "
               "connections:[{number,time_us,method,host,port,address,allowed,why,detail,up_bytes,down_bytes,"
               "duration_ms}], next}",
     .errors = FINDS_RUN,
     .handle = method_run_connections},
    {.name = "run.outputs",
     .summary = "What a run left in /outputs, with digests.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "from",
                                       .type = PARAM_INTEGER,
                                       .min = 0,
                                       .max = 1000000,
                                       .otherwise = "0",
                                       .meaning = "0, or next of the page before"},
                                      LIMIT_PARAM(1000, "1000"),
                                      END_PARAMS},
     .result = "{manifest: sha256 or null, artifacts:[{path,size_bytes,sha256,mode}], "
               "refused:[{path,reason}], "
               "total, next: number or null}",
     .errors = FINDS_RUN,
     .handle = method_run_outputs},
    {.name = "run.watch",
     .summary = "Subscribes to a run: run.event notifications with what it writes, its states, and "
                "its end.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "from",
                                       .type = PARAM_INTEGER,
                                       .min = 0,
                                       .max = INT64_C(1) << 53,
                                       .otherwise = "0",
                                       .meaning = "0, or next of the last event seen"},
                                      END_PARAMS},
     .result = "{subscription: number}; then notifications run.event {subscription, number, next, "
               "time_us, type: "
               "stdout|stderr|gap|metric|event|state|finished, text or base64 or data or run}",
     .errors = FINDS_RUN | KIND(E_LIMIT),
     .handle = method_run_watch},
    {.name = "run.attach",
     .summary = "Joins the terminal of a shell that you started. Whoever had it before loses it.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "rows",
                                       .type = PARAM_INTEGER,
                                       .required = true,
                                       .min = 1,
                                       .max = 1000,
                                       .meaning = "size of your terminal"},
                                      {.name = "cols",
                                       .type = PARAM_INTEGER,
                                       .required = true,
                                       .min = 1,
                                       .max = 1000,
                                       .meaning = "size of your terminal"},
                                      END_PARAMS},
     .result = "{run}, and with its first byte a descriptor (SCM_RIGHTS): a SOCK_SEQPACKET socket "
               "that speaks the frames of api/common/attach.h",
     .errors = FINDS_RUN | KIND(E_DENIED) | KIND(E_LIMIT),
     .flags = METHOD_GIVES_FD,
     .handle = method_run_attach},
    {.name = "run.connect",
     .summary = "Connects to a port of the own loopback network of a notebook that you started.",
     .params = (const struct param[]){RUN_PARAM,
                                      {.name = "port",
                                       .type = PARAM_INTEGER,
                                       .required = true,
                                       .min = 1,
                                       .max = 65535,
                                       .meaning = "on 127.0.0.1 inside the run"},
                                      END_PARAMS},
     .result = "{run}, and with its first byte a descriptor (SCM_RIGHTS): a connected TCP socket",
     .errors = FINDS_RUN | KIND(E_DENIED) | KIND(E_LIMIT),
     .flags = METHOD_GIVES_FD,
     .handle = method_run_connect},
    {.name = "dataset.add",
     .summary =
         "Registers a version of a dataset, as a draft. The same again, while that draft is the "
         "latest version and not sealed, gives the same draft.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "title"},
             {.name = "description",
              .type = PARAM_STRING,
              .min = 1,
              .max = 10000,
              .meaning = "description"},
             {.name = "classification",
              .type = PARAM_CHOICE,
              .required = true,
              .choices = CHOICES("public", "interne", "confidentiel", "tres_confidentiel"),
              .meaning = "how sensitive it is"},
             {.name = "manifest",
              .type = PARAM_SHA256,
              .required = true,
              .meaning = "manifest of its files, stored before with blob.put"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{name, version, ref: NAME@VERSION, state, existed}",
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_add},
    {.name = "dataset.seal",
     .summary =
         "Checks every file of a draft and closes it: from then on runs may use it. When files "
         "are missing or damaged the draft stays: send what blob.missing names, then again.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version"},
             END_PARAMS},
     .result = "as dataset.get",
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_seal},
    {.name = "dataset.get",
     .summary = "A dataset version.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version; left out: the latest"},
             END_PARAMS},
     .result = "{name, version, ref, title, description, classification, manifest, files, "
               "size_bytes, state, "
               "quarantined, quarantine_reason, actor, created_us, sealed_us, retired_us}",
     .errors = FINDS,
     .handle = method_dataset_get},
    {.name = "dataset.list",
     .summary = "All dataset versions by name.",
     .params = (const struct param[]){LIMIT_PARAM(500, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{datasets:[as dataset.get], next_cursor}",
     .errors = READS,
     .handle = method_dataset_list},
    {.name = "env.import",
     .summary =
         "Makes a version of an environment of a root file system whose files were stored before. Every "
         "file is checked first; it may be used at once and never changes. The content of the latest "
         "version again gives that version.",
     .params =
         (const struct param[]){
             {.name = "name",
              .type = PARAM_NAME,
              .required = true,
              .meaning = "its name; host is the machine's own"},
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "title"},
             {.name = "source",
              .type = PARAM_CHOICE,
              .required = true,
              .choices = CHOICES("folder", "tar", "oci"),
              .meaning = "where it was read from"},
             {.name = "source_digest",
              .type = PARAM_SHA256,
              .meaning = "digest of the OCI image's manifest, for the record"},
             {.name = "manifest",
              .type = PARAM_SHA256,
              .required = true,
              .meaning = "manifest of what runs see of it (usr, bin, sbin, lib*, opt, names of etc), with "
                         "links and empty folders, stored before with blob.put"},
             KEY_PARAM,
             END_PARAMS},
     .result = "as env.get, and existed: whether it was there already",
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_env_import},
    {.name = "env.get",
     .summary = "An environment version.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version; left out: the latest"},
             END_PARAMS},
     .result = "{name, version, ref, title, source, source_digest, manifest, entries, size_bytes, "
               "state: sealed or retired, quarantined, quarantine_reason, actor, created_us, retired_us}",
     .errors = FINDS,
     .handle = method_env_get},
    {.name = "env.list",
     .summary = "All environment versions by name.",
     .params = (const struct param[]){LIMIT_PARAM(500, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{environments:[as env.get], next_cursor}",
     .errors = READS,
     .handle = method_env_list},
    {.name = "env.retire",
     .summary = "Closes an environment version to new runs. Refused while runs that have not finished use "
                "it; those that have keep telling which it was.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version"},
             {.name = "reason", .type = PARAM_STRING, .min = 1, .max = 500, .meaning = "why"},
             END_PARAMS},
     .result = "as env.get",
     .errors = WRITES,
     .handle = method_env_retire},
    {.name = "profile.list",
     .summary = "The sandbox profiles, the invalid ones with what is wrong.",
     .result = "{profiles:[{name, file, valid, title, title_fr, extends, landlock, network, "
               "syscalls_allowed} or "
               "{name, file, valid:false, error:{message, field, hint}}]}",
     .errors = READS,
     .handle = method_profile_list},
    {.name = "profile.get",
     .summary = "One sandbox profile.",
     .params =
         (const struct param[]){
             {.name = "name",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "its name; NAME+ADDON: one laid over another, as terminal is"},
             {.name = "effective",
              .type = PARAM_BOOLEAN,
              .otherwise = "false",
              .meaning = "with every rule in force, what it extends merged in, and the reasons"},
             END_PARAMS},
     .result = "one element of profile.list; effective: also {env, host_env, thread_env, devices, "
               "syscalls:[{name, number, rule, errno, args, why, file, line}], "
               "entries:[{rule, group, names, when, errno, why, why_fr, file, line}], "
               "reasons:[{key, why, why_fr, file, line}], risks:{name: what allowing it gives away}}",
     .errors = FINDS,
     .handle = method_profile_get},
    {.name = "profile.diff",
     .summary = "What each of two profiles allows that the other refuses.",
     .params =
         (const struct param[]){
             {.name = "a",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "a profile; NAME+ADDON: one laid over another, as terminal is"},
             {.name = "b",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "another; NAME+ADDON: one laid over another, as terminal is"},
             END_PARAMS},
     .result = "{a, b, settings:[{key, a, b}], only_a:[{name, when, why, why_fr, other_in_part, "
               "other_answers, other_why, other_why_fr}], only_b, env:[{name, a, b}], devices_a, devices_b}",
     .errors = FINDS,
     .handle = method_profile_diff},
    {.name = "profile.check",
     .summary = "Says whether a text is a valid profile of this lab; nothing is kept.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "the name it would have"},
             {.name = "text",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 200000,
              .meaning = "what its file would hold; what it extends is the lab's"},
             END_PARAMS},
     .result = "one element of profile.list: valid, or error:{kind, field, message, hint} whose message has file, line "
               "and key",
     .errors = READS,
     .handle = method_profile_check},
    {.name = "audit.list",
     .summary = "Entries of the audit log, the newest first.",
     .params = (const struct param[]){LIMIT_PARAM(1000, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{entries:[{number, time_us, actor, action, subject, detail, previous, hash}], "
               "next_cursor}",
     .errors = READS,
     .handle = method_audit_list},
    {.name = "audit.verify",
     .summary = "Walks the chain of the audit log from its first entry.",
     .result = "{entries, ok, broken: number or null, reason, head}",
     .errors = READS,
     .handle = method_audit_verify},
};
const size_t method_count = sizeof methods / sizeof *methods;

const struct method *method_find(const char *name)
{
    for (size_t i = 0; i < method_count; i++)
        if (!strcmp(methods[i].name, name))
            return &methods[i];
    return NULL;
}

/* ---- validation ---- */

static int wrong_type(const struct json *v, const char *field, const char *expected, struct err *e)
{
    return err_set(e, E_INVALID, field, NULL, "%s is of type %s, not %s", field,
                   json_type_name(json_type(v)), expected);
}

static int check_string(const struct param *p, const struct json *v, const char *field,
                        struct err *e)
{
    const char *s = json_str(v);
    if (!s)
        return wrong_type(v, field, "string", e);
    int64_t len = (int64_t)strlen(s);
    switch (p->type) {
    case PARAM_NAME:
        if (!text_is_name(s))
            return err_set(e, E_INVALID, field,
                           "letters, digits, _ . - and a letter or digit first, at most 64",
                           "%s is not a name", field);
        return 0;
    case PARAM_SHA256:
        if (!text_is_sha256(s))
            return err_set(e, E_INVALID, field, "64 lower-case hexadecimal digits",
                           "%s is not a SHA-256", field);
        return 0;
    case PARAM_RUN:
        if (len < 4 || len >= TEXT_ID_SIZE ||
            strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") != (size_t)len)
            return err_set(e, E_INVALID, field,
                           "give an id as run.submit or run.list gave it, or 4 characters of it",
                           "%s is not the id of a run", field);
        return 0;
    case PARAM_CHOICE:
        for (const char *const *c = p->choices; *c; c++)
            if (!strcmp(*c, s))
                return 0;
        char list[120] = "";
        for (const char *const *c = p->choices; *c; c++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                     c == p->choices ? "one of: " : ", ", *c);
        return err_set(e, E_INVALID, field, list, "%s cannot be \"%.60s\"", field, s);
    default:
        if (len < p->min || len > p->max)
            return err_set(e, E_INVALID, field, NULL,
                           "%s has %" PRId64 " bytes, outside %" PRId64 "..%" PRId64, field, len,
                           p->min, p->max);
        return 0;
    }
}

static int check_value(const struct param *p, const struct json *v, const char *field,
                       struct err *e);

static int check_members(const struct param *rows, const struct json *obj, const char *where,
                         struct err *e)
{
    for (const struct json *m = json_first(obj); m; m = json_next(m)) {
        const struct param *p = rows;
        while (p && p->name && strcmp(p->name, json_key(m)) != 0)
            p++;
        char field[56], hint[176];
        snprintf(field, sizeof field, "%s%s%s", where, where[0] ? "." : "", json_key(m));
        if (p && p->name) {
            if (json_type(m) == JSON_NULL && !p->required)
                continue;
            if (check_value(p, m, field, e) < 0)
                return -1;
            continue;
        }
        snprintf(hint, sizeof hint, rows && rows->name ? "known:" : "it takes none");
        for (p = rows; p && p->name; p++)
            snprintf(hint + strlen(hint), sizeof hint - strlen(hint), " %s", p->name);
        return err_set(e, E_INVALID, field, hint, "there is no param %s", field);
    }
    for (const struct param *p = rows; p && p->name; p++)
        if (p->required && !json_get(obj, p->name)) {
            char field[56];
            snprintf(field, sizeof field, "%s%s%s", where, where[0] ? "." : "", p->name);
            return err_set(e, E_INVALID, field, p->meaning, "the param %s is missing", field);
        }
    return 0;
}

static int check_all(const struct param *p, const struct json *v, const char *field, struct err *e)
{
    int64_t count = (int64_t)json_count(v), i = 0;
    if (count < p->min || count > p->max)
        return err_set(e, E_INVALID, field, NULL,
                       "%s has %" PRId64 " elements, outside %" PRId64 "..%" PRId64, field, count,
                       p->min, p->max);
    for (const struct json *m = json_first(v); m; m = json_next(m), i++) {
        char one[56];
        if (p->type == PARAM_MAP)
            snprintf(one, sizeof one, "%s.%s", field, json_key(m));
        else
            snprintf(one, sizeof one, "%s[%" PRId64 "]", field, i);
        if (check_value(p->of, m, one, e) < 0)
            return -1;
    }
    return 0;
}

static bool counts_bytes(const char *name)
{
    size_t len = strlen(name);
    return len > 6 && !strcmp(name + len - 6, "_bytes");
}

static int check_integer(const struct param *p, const struct json *v, const char *field,
                         struct err *e)
{
    int64_t n = json_int(v, 0);
    if (!json_is_int(v))
        return json_type(v) == JSON_NUMBER
                   ? err_set(e, E_INVALID, field, NULL, "%s is not a whole number of at most 2^53",
                             field)
                   : wrong_type(v, field, "a whole number", e);
    if (n >= p->min && n <= p->max)
        return 0;
    if (n < 0 || !counts_bytes(p->name))
        return err_set(e, E_INVALID, field, NULL,
                       "%s is %" PRId64 ", outside %" PRId64 "..%" PRId64, field, n, p->min,
                       p->max);
    char given[TEXT_SIZE_HUMAN], least[TEXT_SIZE_HUMAN], most[TEXT_SIZE_HUMAN];
    text_size_human((uint64_t)n, n > p->max, given);
    text_size_human((uint64_t)p->min, true, least);
    text_size_human((uint64_t)p->max, false, most);
    return err_set(e, E_INVALID, field, NULL, "%s is %s, outside %s to %s", field, given, least,
                   most);
}

static int check_value(const struct param *p, const struct json *v, const char *field,
                       struct err *e)
{
    switch (p->type) {
    case PARAM_STRING:
    case PARAM_NAME:
    case PARAM_SHA256:
    case PARAM_RUN:
    case PARAM_CHOICE: return check_string(p, v, field, e);
    case PARAM_INTEGER: return check_integer(p, v, field, e);
    case PARAM_BOOLEAN: return json_type(v) == JSON_BOOL ? 0 : wrong_type(v, field, "boolean", e);
    case PARAM_ARRAY:
        return json_type(v) == JSON_ARRAY ? check_all(p, v, field, e)
                                          : wrong_type(v, field, "array", e);
    case PARAM_MAP:
        return json_type(v) == JSON_OBJECT ? check_all(p, v, field, e)
                                           : wrong_type(v, field, "object", e);
    case PARAM_OBJECT:
        return json_type(v) == JSON_OBJECT ? check_members(p->of, v, field, e)
                                           : wrong_type(v, field, "object", e);
    case PARAM_SCALAR:
        if (json_type(v) == JSON_NUMBER || json_type(v) == JSON_BOOL)
            return 0;
        return check_string(p, v, field, e);
    case PARAM_TYPE_COUNT: break;
    }
    return err_set(e, E_INTERNAL, field, NULL, "the method table has a row of no type");
}

int method_check(const struct method *m, const struct json *params, struct err *e)
{
    return check_members(m->params, params, "", e);
}

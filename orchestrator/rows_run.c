/*
 * rows_run.c - the rows of run.*, runs: handlers in method_run.c.
 */
#include "api/common/netallow.h"
#include "api/common/purpose.h"
#include "catalog/origin.h"
#include "orchestrator/rows.h"

static const struct param text_item = {.name = "item",
                                       .type = PARAM_STRING,
                                       .min = 0,
                                       .max = 131072,
                                       .meaning = "one argument, without NUL"};
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

static const struct param git_params[] = {
    {.name = "commit",
     .type = PARAM_STRING,
     .required = true,
     .min = 1,
     .max = 64,
     .meaning = "40 or 64 hexadecimal digits"},
    {.name = "branch", .type = PARAM_STRING, .min = 1, .max = 250, .meaning = "its branch; left out: none, or not known"},
    {.name = "dirty",
     .type = PARAM_BOOLEAN,
     .meaning = "whether the code folder is not what the commit has; left out: not known"},
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
    {.name = "seed",
     .type = PARAM_INTEGER,
     .min = 0,
     .max = ORIGIN_SEED_MAX,
     .meaning = "ENCLOS_SEED of the run; left out: one is chosen, and recorded"},
    {.name = "git",
     .type = PARAM_OBJECT,
     .of = git_params,
     .meaning = "commit of its code, as the submitter says: the lab does not look"},
    {.name = "parent", .type = PARAM_RUN, .meaning = "run that it is a part of"},
    {.name = "tags", .type = PARAM_MAP, .max = 2000, .of = &scalar_item, .meaning = "tags"},
    {.name = "project",
     .type = PARAM_NAME,
     .meaning = "project that it belongs to, of which its submitter is a member; left out: a personal run"},
    {.name = "experiment",
     .type = PARAM_STRING,
     .min = 1,
     .max = 200,
     .meaning = "name of an experiment of the project; of a personal run, any name"},
    {.name = "purpose",
     .type = PARAM_CHOICE,
     .choices = purpose_codes,
     .otherwise = "\"experimentation\"",
     .meaning = "what its data is used for"},
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

const struct method rows_run[] = {
    {.name = "run.submit",
     .summary = "Queues a run; answers once that is on disk.",
     .params = submit_params,
     .result = "{run (its id), state: 'queued', existed: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_run_submit},
    {.name = "run.rerun",
     .summary = "Queues a run again as it was: same code snapshot, command, datasets, environment, profile, params, seed and "
                "limits. All that may be refused at a submission may be refused here.",
     .params =
         (const struct param[]){
             RUN_PARAM,
             {.name = "name", .type = PARAM_STRING, .min = 1, .max = 200, .meaning = "name for people; left out: the same"},
             {.name = "seed",
              .type = PARAM_INTEGER,
              .min = 0,
              .max = ORIGIN_SEED_MAX,
              .meaning = "another ENCLOS_SEED; left out: the same"},
             {.name = "allow_changed_profile",
              .type = PARAM_BOOLEAN,
              .otherwise = "false",
              .meaning = "go on although the profile's files are not what they were"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{run (its id), state: 'queued', existed: boolean, rerun_of}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE, /* judged as the submission that it is */
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_run_rerun},
    {.name = "run.diff",
     .summary = "Two runs side by side: what was asked, code, machine, metrics, outputs (by digest).",
     .params =
         (const struct param[]){RUN_PARAM,
                                {.name = "other",
                                 .type = PARAM_RUN,
                                 .required = true,
                                 .meaning = "the run that it is compared with"},
                                {.name = "lines",
                                 .type = PARAM_BOOLEAN,
                                 .otherwise = "true",
                                 .meaning = "with what differs inside text files of the code"},
                                END_PARAMS},
     .result = "{a: {id, name: text or null, state, verdict: text or null, exit_code: integer or "
               "null, created_us, wall_ms: integer or null, cpu_ms: integer or null, "
               "memory_peak_bytes: integer or null}, b: {id, name: text or null, state, verdict: "
               "text or null, exit_code: integer or null, created_us, wall_ms: integer or null, "
               "cpu_ms: integer or null, memory_peak_bytes: integer or null}, differences: "
               "[{aspect, name: text or null, a: any, b: any}], differences_left_out: integer, "
               "same: [text], metrics: [{name, a: number or text or null, b: number or text or "
               "null, delta: number or text or null}], metrics_left_out: integer, code: {a: "
               "sha256 or null, b: sha256 or null, same: boolean, error: text or null, files: "
               "[{path, change: added|removed|changed|mode, a: {sha256, size_bytes} or null, b: "
               "{sha256, size_bytes} or null, lines_added: integer or null, lines_removed: "
               "integer or null, diff: text or null, why: text or null}], files_left_out: "
               "integer}, outputs: {files: [{path, state: identical|different|missing|new, a: "
               "{sha256, size_bytes} or null, b: {sha256, size_bytes} or null}], identical: "
               "integer, different: integer, missing: integer, new: integer, files_left_out: "
               "integer}}",
     .roles = ANY_ROLE,
     .errors = FINDS_RUN,
     .handle = method_run_diff},
    {.name = "run.get",
     .summary = "All that is known of a run.",
     .params = (const struct param[]){RUN_PARAM, END_PARAMS},
     .result = "{id, name: text or null, state: queued|starting|running|finished, verdict: "
               "succeeded|failed|signaled|cancelled|wall_timeout|cpu_timeout|out_of_memory|process_limit|output_limit|policy_violation|setup_failed|exec_failed|lost "
               "or null, exit_code: integer or null, actor: {uid: integer, name}, project: text "
               "or null, experiment: text or null, experiment_version: integer or null, purpose: "
               "text or null, profile, interactive: {kind: shell|notebook, idle_ms, rows?: "
               "integer, cols?: integer} or null, datasets: [{name, version: integer, ref, "
               "manifest: sha256, classification}], environment: {name, version: integer or "
               "null, ref, manifest: sha256 or null}, created_us, started_us: integer or null, "
               "finished_us: integer or null, wall_ms: integer or null, cpu_ms: integer or null, "
               "memory_peak_bytes: integer or null, priority: integer, limits: "
               "enforced|best_effort, warned: boolean, signal: text or null, reason: text or "
               "null, command: [text], env: {*: text}, code: sha256 or null, resources: {*: "
               "integer}, report_paths: boolean, warm: boolean, seed: integer or null, "
               "seed_chosen: boolean or null, git: {commit, branch: text or null, dirty: boolean "
               "or null} or null, rerun_of: text or null, parent: text or null, profile_digest: "
               "text or null, host: object or null (facts of the machine it started on), "
               "outputs_manifest: sha256 or null, artifacts: [{path, size_bytes, sha256, mode}], "
               "artifact_count, refused_outputs: [{path, reason}], network: {allow_hosts: "
               "[text], allowed: integer, refused: integer, connections: [{host: text or null, "
               "port: integer or null, allowed: boolean, why: text or null, count: integer, "
               "up_bytes, down_bytes}]} or null, metrics: [{name, value: number or text, step: "
               "integer, time_us?, min: number or text, max: number or text, count: integer}], "
               "bad_metrics: integer, metrics_dropped: integer or null (lines that were lost), "
               "denied: [{kind, name, detail: text or null, errno: text or null, count: integer, "
               "hint: text or null, hint_fr: text or null}], failed: object or null, cancel_us: "
               "integer or null, cancel_reason: text or null, log: {kept_bytes: integer or null, "
               "dropped_bytes: integer or null, error: text or null}, warnings: [text], usage: "
               "object or null, sandbox: object or null, params: {*: text}, tags: {*: text}, "
               "queue_reason: text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS_RUN,
     .handle = method_run_get},
    {.name = "run.list",
     .summary = "Runs, the newest first unless asked otherwise, in short.",
     .params =
         (const struct param[]){LIMIT_PARAM(1000, "50"),
                                CURSOR_PARAM,
                                FILTER_PARAM(", metrics.NAME, params.NAME, tags.NAME, "
                                             "datasets.name, .version, .digest, .classification"),
                                ORDER_BY_PARAM,
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
     .result = "{runs: [{id, name: text or null, state: queued|starting|running|finished, "
               "verdict: "
               "succeeded|failed|signaled|cancelled|wall_timeout|cpu_timeout|out_of_memory|process_limit|output_limit|policy_violation|setup_failed|exec_failed|lost "
               "or null, exit_code: integer or null, actor: {uid: integer, name}, project: text "
               "or null, experiment: text or null, experiment_version: integer or null, purpose: "
               "text or null, profile, interactive: {kind: shell|notebook, idle_ms, rows?: "
               "integer, cols?: integer} or null, datasets: [{name, version: integer, ref, "
               "manifest: sha256, classification}], environment: {name, version: integer or "
               "null, ref, manifest: sha256 or null}, created_us, started_us: integer or null, "
               "finished_us: integer or null, wall_ms: integer or null, cpu_ms: integer or null, "
               "memory_peak_bytes: integer or null, priority: integer, limits: "
               "enforced|best_effort, warned: boolean}], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = LISTS,
     .handle = method_run_list},
    {.name = "run.cancel",
     .summary = "Asks for a run to be stopped: one's own, or as a curator or an admin of its project or of the lab.",
     .params =
         (const struct param[]){
             RUN_PARAM,
             {.name = "reason", .type = PARAM_STRING, .min = 1, .max = 500, .meaning = "why"},
             END_PARAMS},
     .result = "{run, state, accepted: true}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
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
     .roles = ANY_ROLE,
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
     .result = "{chunks: [{number: integer, time_us, stream: stdout|stderr|gap, text?, base64?, data?: any (of a "
               "gap)}], next: integer, eof: boolean}",
     .roles = ANY_ROLE,
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
     .result = "{metrics: [{name, value: number or text, step: integer, time_us?, min: number or "
               "text, max: number or text, count: integer}]} or {name, points: [{step: integer, "
               "value: number or text, time_us}], next: integer or null}",
     .roles = ANY_ROLE,
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
     .result = "{allow_hosts: [text] or null, allowed: integer, refused: integer, unlisted: "
               "integer (refusals past the bound, that have no row), connections: [{number: "
               "integer, time_us, method, host: text or null, port: integer or null, address: "
               "text or null, allowed: boolean, why: text or null, detail: text or null, "
               "up_bytes: integer or null, down_bytes: integer or null, duration_ms: integer or "
               "null}], next: integer or null}",
     .roles = ANY_ROLE,
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
     .result = "{manifest: sha256 or null, artifacts: [{path, size_bytes, sha256, mode}], "
               "refused: [{path, reason}], total: integer, next: integer or null}",
     .roles = ANY_ROLE,
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
     .result = "{subscription: integer}",
     .notifies = "run.event",
     .notice = "{subscription: integer, number: integer, next?: integer (where to go on), time_us?, type: "
               "stdout|stderr|gap|metric|event|state|finished, text?, base64?, data?: any, run?: as run.get or null, "
               "error?}",
     .roles = ANY_ROLE,
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
     .result = "{run}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
     .errors = FINDS_RUN | KIND(E_LIMIT),
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
     .result = "{run}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
     .errors = FINDS_RUN | KIND(E_LIMIT),
     .flags = METHOD_GIVES_FD,
     .handle = method_run_connect},
    END_ROWS,
};

/*
 * record.c - prints a record. Called by the monitor, once, when nothing of the run is left.
 * runner/README.md lists the keys.
 */
#include "runner/record.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "runner/attest.h"
#include "runner/learn.h"
#include "runner/warm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void put_raw_array(struct jw *w, const char *key, const struct buf *items)
{
    jw_arr_at(w, key);
    if (items->len)
        jw_raw(w, items->data, items->len);
    jw_end_arr(w);
}

static void put_signal(struct jw *w, int number)
{
    char name[24];
    const char *abbreviation = number > 0 ? sigabbrev_np(number) : NULL;
    if (number <= 0) {
        jw_null_at(w, "signal");
        return;
    }
    if (abbreviation)
        snprintf(name, sizeof name, "SIG%s", abbreviation);
    else
        snprintf(name, sizeof name, "SIG%d", number);
    jw_str_at(w, "signal", name);
}

static void put_failed(struct jw *w, const struct record *r)
{
    if (!r->setup->failed) {
        jw_null_at(w, "failed");
        return;
    }
    jw_obj_at(w, "failed");
    jw_str_at(w, "step", setup_step_name((enum setup_step)(r->setup->failed - 1)));
    jw_str_at(w, "errno", r->setup->failed_errno ? err_errno_name(r->setup->failed_errno) : "");
    jw_str_at(w, "message", r->setup->failed_message);
    jw_str_at(w, "hint", r->setup->failed_hint);
    jw_end_obj(w);
}

static void put_counter(struct jw *w, const char *key, int64_t value)
{
    if (value >= 0) /* what the kernel does not tell is left out, not invented */
        jw_int_at(w, key, value);
}

static void put_usage(struct jw *w, const struct record *r)
{
    const struct cg_usage *u = &r->usage;
    const struct rusage *ru = &r->setup->job_usage;
    jw_int_at(w, "wall_ms", r->wall_us / 1000);
    jw_int_at(w, "cpu_ms", u->cpu_us < 0 ? 0 : u->cpu_us / 1000);
    jw_int_at(w, "cpu_user_ms", u->cpu_user_us < 0 ? 0 : u->cpu_user_us / 1000);
    jw_int_at(w, "cpu_system_ms", u->cpu_system_us < 0 ? 0 : u->cpu_system_us / 1000);
    jw_int_at(w, "memory_peak_bytes", u->memory_peak_bytes < 0 ? 0 : u->memory_peak_bytes);
    jw_obj_at(w, "usage");
    jw_int_at(w, "wall_us", r->wall_us);
    put_counter(w, "cpu_us", u->cpu_us);
    put_counter(w, "memory_limit_hits", u->memory_limit_hits);
    put_counter(w, "oom_kills", u->oom_kills);
    put_counter(w, "processes_peak", u->processes_peak);
    put_counter(w, "process_limit_hits", u->process_limit_hits);
    put_counter(w, "throttled_us", u->throttled_us);
    put_counter(w, "throttled_periods", u->throttled_periods);
    if (r->setup->job_ended) {
        jw_int_at(w, "page_faults_major", ru->ru_majflt);
        jw_int_at(w, "page_faults_minor", ru->ru_minflt);
        jw_int_at(w, "context_switches_voluntary", ru->ru_nvcsw);
        jw_int_at(w, "context_switches_involuntary", ru->ru_nivcsw);
        jw_int_at(w, "blocks_in", ru->ru_inblock);
        jw_int_at(w, "blocks_out", ru->ru_oublock);
        jw_int_at(w, "process_memory_peak_bytes", ru->ru_maxrss * 1024);
    }
    jw_end_obj(w);
}

/* The verdict is the program's; that the lab could not keep all of it is said beside it. */
static void put_warnings(struct jw *w, const struct record *r)
{
    jw_arr_at(w, "warnings");
    if (r->log_error.kind)
        jw_str(w, r->log_error.message);
    if (r->output_error.kind)
        jw_str(w, r->output_error.message);
    if (r->collected->refused_no_room > 0)
        jw_str(w, "outputs were left out because the lab's disk has no room left");
    jw_end_arr(w);
}

static void put_hex(struct jw *w, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    jw_str_at(w, key, text);
}

static void put_limits(struct jw *w, const struct record *r)
{
    jw_obj_at(w, "limits");
    jw_str_at(w, "how", r->spec && r->spec->best_effort && r->cg->kind == CG_NONE ? "best_effort" : "enforced");
    if (r->cg->kind != CG_NONE) { /* as the kernel holds them */
        jw_int_at(w, "memory_bytes", r->cg->applied.memory_bytes);
        jw_int_at(w, "processes", r->cg->applied.processes);
        jw_int_at(w, "cpus_milli", r->cg->applied.cpus_milli);
    }
    if (r->setup->done_ns[STEP_ATTEST]) {
        jw_int_at(w, "nofile", (int64_t)r->setup->attest.rlimits[RLIMIT_NOFILE][0]);
        jw_int_at(w, "core_bytes", (int64_t)r->setup->attest.rlimits[RLIMIT_CORE][0]);
    }
    jw_end_obj(w);
}

static void put_steps(struct jw *w, const struct record *r)
{
    int64_t before = r->setup_started_ns;
    jw_obj_at(w, "steps_us");
    for (int i = 0; i < STEP_COUNT; i++) {
        int64_t at = r->setup->done_ns[i];
        if (!at)
            continue;
        /* Since the step before it in time; init and job overlap, so some are not in order. */
        jw_num_at(w, setup_step_name((enum setup_step)i), (double)(at > before ? at - before : 0) / 1000.0);
        if (at > before)
            before = at;
    }
    jw_end_obj(w);
}

/* null: a warm start was not asked for. */
static void put_warm(struct jw *w, const struct record *r)
{
    const struct warm_template *t = r->warm;
    bool python = r->setup->warm_how == WARM_HOW_PYTHON, executed = r->setup->warm_how == WARM_HOW_EXECUTED;
    if (!t && !r->warm_why) {
        jw_null_at(w, "warm");
        return;
    }
    jw_obj_at(w, "warm");
    jw_bool_at(w, "warm", python);
    jw_str_at(w, "why", r->warm_why  ? r->warm_why
                        : executed   ? "the template left the program to a Python of its own: it is no plain script"
                        : !python    ? "the job was not started"
                                     : NULL);
    if (t && python) {
        jw_str_at(w, "template", t->id);
        jw_str_at(w, "owner", t->owner);
        jw_int_at(w, "template_age_ms", (r->setup->done_ns[STEP_EXEC] / 1000 - t->born_us) / 1000);
        jw_int_at(w, "template_runs", t->runs);
        /* What the runs of one template have in common, which cold ones have each for themselves. */
        jw_str_at(w, "address_space", "shared_layout");
        jw_str_at(w, "hash_seed", "shared");
        jw_str_at(w, "seeds", "fresh");
    }
    jw_end_obj(w);
}

/* The device nodes that the run was given: names below /dev. */
static void put_devices(struct jw *w, const char *names)
{
    jw_arr_at(w, "devices");
    while (*names) {
        char path[160];
        size_t n = strcspn(names, " ");
        snprintf(path, sizeof path, "/dev/%.*s", (int)n, names);
        jw_str(w, path);
        names += n + (names[n] == ' ');
    }
    jw_end_arr(w);
}

static void put_sandbox(struct jw *w, const struct record *r)
{
    const struct setup_attest *a = &r->setup->attest;
    jw_obj_at(w, "sandbox");
    jw_str_at(w, "profile", r->profile ? r->profile->name : r->spec ? r->spec->profile : NULL);
    jw_str_at(w, "profile_digest", r->profile ? r->profile->digest : NULL);
    if (r->profile)
        jw_str_at(w, "filter", r->spec && r->spec->report_paths ? r->profile->filter_paths.digest
                                                                : r->profile->filter.digest);
    jw_str_at(w, "environment", !r->spec ? NULL : r->spec->environment.name ? r->spec->environment.name : "host");
    if (r->spec && r->spec->environment.digest)
        jw_str_at(w, "environment_digest", r->spec->environment.digest);
    jw_bool_at(w, "rootless", r->rootless);
    jw_bool_at(w, "made_ahead", r->made_ahead);
    jw_str_at(w, "cgroup", r->cgroup_kind);
    jw_int_at(w, "host_uid", r->host_uid);
    if (r->setup->done_ns[STEP_ATTEST]) { /* read back from inside, just before the filter */
        jw_int_at(w, "uid", a->uid);
        jw_int_at(w, "gid", a->gid);
        jw_str_at(w, "userns", a->userns_inner ? "own" : "absent");
        jw_int_at(w, "no_new_privs", a->no_new_privs);
        put_hex(w, "cap_effective", a->cap_effective);
        put_hex(w, "cap_permitted", a->cap_permitted);
        put_hex(w, "cap_inheritable", a->cap_inheritable);
        put_hex(w, "cap_bounding", a->cap_bounding);
        put_hex(w, "cap_ambient", a->cap_ambient);
        jw_int_at(w, "landlock_abi", a->landlock_abi);
        jw_str_at(w, "seccomp", r->setup->done_ns[STEP_SECCOMP] ? "filter" : "none");
        jw_str_at(w, "work", a->work_overlay ? "overlay" : r->spec && r->spec->code_path ? "copy" : "empty");
        jw_str_at(w, "data", !r->spec || !r->spec->dataset_count ? "none" : a->data_overlay ? "overlay" : "mount");
        jw_bool_at(w, "work_noexec", a->work_noexec);
        put_devices(w, a->devices);
        if (r->spec && r->spec->environment.path)
            jw_str_at(w, "environment_mount", a->env_overlay ? "overlay" : "mount");
        jw_str_at(w, "ownership", r->rootless ? "own uid" : "idmapped");
        jw_obj_at(w, "namespaces");
        for (size_t i = 0; i < 7; i++)
            jw_int_at(w, setup_namespaces[i], (int64_t)a->namespaces[i]);
        jw_end_obj(w);
        attest_print(a, w);
    }
    put_limits(w, r);
    put_warm(w, r);
    put_steps(w, r);
    jw_end_obj(w);
}

/* Written aside, synced, renamed: whole or not there. The folder is not synced: what the name's loss
 * in a power cut would take is acknowledged to nobody before the catalog has it. */
static int write_whole(int run_fd, const struct buf *text, struct err *e)
{
    static const char aside[] = ".record.json.new";
    AUTO_FD int fd = openat(run_fd, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0 || fdatasync(fd) < 0 ||
        renameat(run_fd, aside, run_fd, RUNFOLDER_RECORD) < 0)
        return err_sys(e, "record", "free some room on the lab's disk", "cannot write %s", RUNFOLDER_RECORD);
    return 0;
}

int record_write(const struct record *r, int run_fd, struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(RUNFOLDER_RECORD_MAX_BYTES);
    struct jw w = jw_to(&out);
    jw_obj(&w);
    jw_int_at(&w, "version", RUNFOLDER_RECORD_VERSION);
    jw_str_at(&w, "run", r->run);
    jw_str_at(&w, "verdict", verdict_name(r->end.verdict));
    if (r->end.exited)
        jw_int_at(&w, "exit_code", r->end.exit_code);
    else
        jw_null_at(&w, "exit_code");
    put_signal(&w, r->end.signal);
    jw_str_at(&w, "reason", r->end.reason);
    put_failed(&w, r);
    jw_int_at(&w, "started_us", r->started_us);
    jw_int_at(&w, "finished_us", r->finished_us);
    put_usage(&w, r);
    jw_obj_at(&w, "log");
    jw_int_at(&w, "kept_bytes", r->journal->kept_bytes);
    jw_int_at(&w, "dropped_bytes", r->journal->dropped_bytes);
    jw_str_at(&w, "error", r->log_error.kind ? r->log_error.message : NULL);
    jw_end_obj(&w);
    jw_obj_at(&w, "metrics");
    jw_int_at(&w, "lines", r->journal->metric_lines);
    jw_int_at(&w, "bad_lines", r->journal->bad_lines);
    jw_int_at(&w, "dropped_lines", r->journal->dropped_lines);
    jw_end_obj(&w);
    jw_obj_at(&w, "outputs");
    jw_str_at(&w, "store", r->spec && r->spec->resources.output_disk ? "disk" : "tmpfs"); /* disk: a file system of its own in a file */
    put_raw_array(&w, "files", &r->collected->files);
    put_raw_array(&w, "refused", &r->collected->refused);
    jw_int_at(&w, "refused_count", r->collected->refused_count);
    jw_end_obj(&w);
    put_warnings(&w, r);
    jw_arr_at(&w, "denied");
    refusals_print(r->refusals, &w);
    jw_end_arr(&w);
    if (r->refusals->learn) {
        jw_arr_at(&w, "learned");
        learn_print(r->refusals->learn, &w);
        jw_end_arr(&w);
    }
    put_sandbox(&w, r);
    jw_end_obj(&w);
    buf_add_char(&out, '\n');
    if (out.failed)
        return err_set(e, E_LIMIT, "record", "leave fewer files in /outputs",
                       "the record of the run has more than %d bytes", RUNFOLDER_RECORD_MAX_BYTES);
    return write_whole(run_fd, &out, e);
}

/*
 * python.c - Python by its public C interface, as far as a template needs it.
 *
 * Found by name in the process, so that nothing here depends on a version's headers: functions with plain
 * arguments only, there since Python 3.9. PyConfig is never looked into: it is a block that is large enough.
 *
 * What is done at the start and at the end of a program follows Modules/main.c and pythonrun.c of CPython, so that a run says and
 * returns the same, warm or cold. One thing is left out: the modules that were there before the run are not
 * torn down at its end. That takes ten times as long as all the rest, and is of no use to anyone.
 */
#include "runner/template/template.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct object object;
struct status { /* PyStatus */
    int type;
    const char *function, *message;
    int exitcode;
};
struct compiler_flags { /* PyCompilerFlags */
    int flags, feature_version;
};
enum { CONFIG_BYTES = 64 << 10, FILE_INPUT = 257, IGNORE_COOKIE = 0x0800 };

#define API(X)                                                                                     \
    X(void, PyConfig_InitPythonConfig, (void *))                                                   \
    X(struct status, PyConfig_SetBytesArgv, (void *, ssize_t, char *const *))                      \
    X(struct status, Py_InitializeFromConfig, (const void *))                                      \
    X(int, PyStatus_Exception, (struct status))                                                    \
    X(object *, PyImport_ImportModule, (const char *))                                             \
    X(object *, PyImport_AddModule, (const char *))                                                \
    X(object *, PyImport_GetImporter, (object *))                                                  \
    X(object *, PyImport_GetModuleDict, (void))                                                    \
    X(void, PyErr_WriteUnraisable, (object *))                                                     \
    X(object *, PyObject_CallNoArgs, (object *))                                                   \
    X(object *, PyModule_GetDict, (object *))                                                      \
    X(object *, PyObject_CallFunction, (object *, const char *, ...))                              \
    X(object *, PyObject_CallMethod, (object *, const char *, const char *, ...))                  \
    X(object *, PyDict_New, (void))                                                                \
    X(object *, PyDict_GetItemString, (object *, const char *))                                    \
    X(int, PyDict_SetItemString, (object *, const char *, object *))                               \
    X(object *, PyList_New, (ssize_t))                                                             \
    X(int, PyList_Append, (object *, object *))                                                    \
    X(object *, PyBytes_FromString, (const char *))                                                \
    X(object *, PyUnicode_DecodeFSDefault, (const char *))                                         \
    X(object *, PyRun_StringFlags, (const char *, int, object *, object *, struct compiler_flags *)) \
    X(object *, PyRun_FileExFlags, (FILE *, const char *, int, object *, object *, int, struct compiler_flags *)) \
    X(object *, PyEval_GetBuiltins, (void))                                                        \
    X(long, PyLong_AsLong, (object *))                                                             \
    X(object *, PyErr_Occurred, (void))                                                            \
    X(int, PyErr_ExceptionMatches, (object *))                                                     \
    X(void, PyErr_Fetch, (object **, object **, object **))                                        \
    X(void, PyErr_NormalizeException, (object **, object **, object **))                           \
    X(void, PyErr_Print, (void))                                                                   \
    X(void, PyErr_Clear, (void))                                                                   \
    X(void, PyOS_BeforeFork, (void))                                                               \
    X(void, PyOS_AfterFork_Parent, (void))                                                         \
    X(void, PyOS_AfterFork_Child, (void))                                                          \
    X(int, PySys_Audit, (const char *, const char *, ...))

static struct {
#define X(type, name, arguments) type(*name) arguments; /* NOLINT(bugprone-macro-parentheses) */
    API(X)
#undef X
    object **PyExc_SystemExit, **PyExc_KeyboardInterrupt;
    object *none;
} py;

/* What is easier said in Python. Run by name, never with a frame below the program's. */
static const char helper_source[] =
#include "runner/template/helper.inc"
    ;

static object *helper;       /* its names */
static object *kept_modules; /* names of the modules that are there before any run */

static enum { RUN_FILE, RUN_MODULE, RUN_CODE } what;
static char *what_text; /* file, module or code */
static char shown_path[PATH_MAX]; /* of the file: absolute, as tracebacks and __file__ have it */

/* ---- start ---- */

static int find_api(char *why, size_t why_size)
{
    static const char *const names[] = {
#define X(type, name, arguments) #name,
        API(X)
#undef X
    };
    void **slots[] = {
#define X(type, name, arguments) (void **)(void *)&py.name,
        API(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *slots[i] = dlsym(RTLD_DEFAULT, names[i]);
        if (!*slots[i]) {
            snprintf(why, why_size, "the interpreter has no %s: it is no CPython of 3.9 or later", names[i]);
            return -1;
        }
    }
    py.PyExc_SystemExit = dlsym(RTLD_DEFAULT, "PyExc_SystemExit");
    py.PyExc_KeyboardInterrupt = dlsym(RTLD_DEFAULT, "PyExc_KeyboardInterrupt");
    py.none = dlsym(RTLD_DEFAULT, "_Py_NoneStruct");
    return py.PyExc_SystemExit && py.PyExc_KeyboardInterrupt && py.none ? 0 : -1;
}

int python_start(const char *argv0, char *why, size_t why_size)
{
    static uint64_t config[CONFIG_BYTES / sizeof(uint64_t)];
    char *argv[] = {(char *)(uintptr_t)argv0, NULL};
    if (find_api(why, why_size) < 0)
        return -1;
    py.PyConfig_InitPythonConfig(config);
    struct status s = py.PyConfig_SetBytesArgv(config, 1, argv);
    if (!py.PyStatus_Exception(s))
        s = py.Py_InitializeFromConfig(config);
    if (py.PyStatus_Exception(s)) {
        snprintf(why, why_size, "Python does not start: %s", s.message ? s.message : "no reason given");
        return -1;
    }
    helper = py.PyDict_New();
    py.PyDict_SetItemString(helper, "__builtins__", py.PyEval_GetBuiltins());
    if (!py.PyRun_StringFlags(helper_source, FILE_INPUT, helper, helper, NULL)) {
        py.PyErr_Print();
        snprintf(why, why_size, "the template's helper fails");
        return -1;
    }
    return 0;
}

static object *call(const char *name)
{
    return py.PyObject_CallNoArgs(py.PyDict_GetItemString(helper, name));
}

int python_import(const char *module, char *why, size_t why_size)
{
    if (py.PyImport_ImportModule(module))
        return 0;
    py.PyErr_Print();
    snprintf(why, why_size, "cannot import %s", module);
    return -1;
}

int python_settle(char *why, size_t why_size)
{
    kept_modules = call("settle");
    if (kept_modules)
        return 0;
    py.PyErr_Print();
    snprintf(why, why_size, "Python does not settle after its imports");
    return -1;
}

pid_t python_fork(void)
{
    py.PyOS_BeforeFork();
    pid_t pid = fork();
    if (pid != 0)
        py.PyOS_AfterFork_Parent();
    return pid;
}

/* ---- the job ---- */

static object *strings(char *const *list, object *(*make)(const char *))
{
    object *all = py.PyList_New(0);
    for (; *list; list++)
        py.PyList_Append(all, make(*list));
    return all;
}

/* A file that Python would read as it stands: no folder, no archive, no compiled file. */
static bool is_plain_script(const char *path)
{
    struct stat st;
    size_t len = strlen(path);
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, R_OK) < 0 ||
        (len > 4 && strcmp(path + len - 4, ".pyc") == 0))
        return false;
    object *importer = py.PyImport_GetImporter(py.PyUnicode_DecodeFSDefault(path));
    if (!importer)
        py.PyErr_Clear();
    return importer == py.none;
}

int python_begin(const struct program *p)
{
    char folder[PATH_MAX] = "";
    size_t i = 1;
    py.PyOS_AfterFork_Child();
    while (i < p->argc && strcmp(p->argv[i], "-u") == 0)
        i++;
    what = strcmp(p->argv[i], "-c") == 0 ? RUN_CODE : strcmp(p->argv[i], "-m") == 0 ? RUN_MODULE : RUN_FILE;
    size_t argument = what == RUN_FILE ? i : i + 1;
    what_text = strdup(p->argv[argument]);
    if (!what_text || (what == RUN_FILE && !is_plain_script(what_text)))
        return false;
    if (what == RUN_MODULE) {
        snprintf(folder, sizeof folder, "/work");
    } else if (what == RUN_FILE) {
        const char *below = strncmp(what_text, "./", 2) == 0 ? what_text + 2 : what_text;
        int n = snprintf(shown_path, sizeof shown_path, what_text[0] == '/' ? "%s" : "/work/%s",
                         what_text[0] == '/' ? what_text : below);
        if (n >= (int)sizeof shown_path || !realpath(what_text, folder))
            return false;
        char *slash = strrchr(folder, '/');
        slash[slash == folder] = '\0';
    }
    /* sys.argv: what Python takes for itself is one word in it. */
    char *const *rest = p->argv + argument + (what != RUN_FILE);
    object *argv = py.PyList_New(0);
    if (what != RUN_FILE)
        py.PyList_Append(argv, py.PyUnicode_DecodeFSDefault(what == RUN_CODE ? "-c" : "-m"));
    for (; *rest; rest++)
        py.PyList_Append(argv, py.PyUnicode_DecodeFSDefault(*rest));
    object *done = py.PyObject_CallFunction(
        py.PyDict_GetItemString(helper, "begin"), "OOOO", strings(p->env, py.PyBytes_FromString),
        strings(p->argv, py.PyUnicode_DecodeFSDefault), argv, py.PyUnicode_DecodeFSDefault(folder));
    if (!done) {
        py.PyErr_Print();
        return false;
    }
    return true;
}

static object *run_file(object *globals)
{
    FILE *f = fopen(shown_path, "rbe");
    if (!f)
        return NULL;
    object *name = py.PyUnicode_DecodeFSDefault(shown_path);
    py.PySys_Audit("cpython.run_file", "O", name);
    py.PyDict_SetItemString(globals, "__file__", name);
    py.PyDict_SetItemString(globals, "__cached__", py.none);
    object *loader = py.PyObject_CallFunction(py.PyDict_GetItemString(helper, "loader"), "O", name);
    if (loader)
        py.PyDict_SetItemString(globals, "__loader__", loader);
    return py.PyRun_FileExFlags(f, shown_path, FILE_INPUT, globals, globals, 1, NULL);
}

static object *run_code(object *globals)
{
    static struct compiler_flags flags = {IGNORE_COOKIE, 0};
    py.PySys_Audit("cpython.run_command", "O", py.PyUnicode_DecodeFSDefault(what_text));
    return py.PyRun_StringFlags(what_text, FILE_INPUT, globals, globals, &flags);
}

static object *run_module(void)
{
    py.PySys_Audit("cpython.run_module", "O", py.PyUnicode_DecodeFSDefault(what_text));
    object *run = py.PyImport_ImportModule("runpy");
    return run ? py.PyObject_CallMethod(run, "_run_module_as_main", "Oi", py.PyUnicode_DecodeFSDefault(what_text), 1)
               : NULL;
}

/* The exit status of the exception that has ended the program, which is shown unless it is a plain exit. */
static int status_of_exception(bool *interrupted)
{
    if (!py.PyErr_ExceptionMatches(*py.PyExc_SystemExit)) {
        *interrupted = py.PyErr_ExceptionMatches(*py.PyExc_KeyboardInterrupt);
        py.PyErr_Print();
        return 1;
    }
    object *type, *value, *trace;
    py.PyErr_Fetch(&type, &value, &trace);
    py.PyErr_NormalizeException(&type, &value, &trace);
    object *status = py.PyObject_CallFunction(py.PyDict_GetItemString(helper, "exit_status"), "O", value);
    if (!status) {
        py.PyErr_Print();
        return 1;
    }
    return (int)py.PyLong_AsLong(status);
}

/* As Py_FinalizeEx begins. Called from here, no frame of ours is in what they may complain of. */
static void end_threads(void)
{
    object *threading = py.PyDict_GetItemString(py.PyImport_GetModuleDict(), "threading");
    if (threading && !py.PyObject_CallMethod(threading, "_shutdown", NULL))
        py.PyErr_WriteUnraisable(threading);
    object *atexit = py.PyImport_ImportModule("atexit");
    if (!atexit || !py.PyObject_CallMethod(atexit, "_run_exitfuncs", NULL))
        py.PyErr_WriteUnraisable(atexit);
}

void python_go_on(void)
{
    bool interrupted = false;
    object *globals = py.PyModule_GetDict(py.PyImport_AddModule("__main__"));
    object *result = what == RUN_FILE   ? run_file(globals)
                     : what == RUN_CODE ? run_code(globals)
                                        : run_module();
    int status = result ? 0 : status_of_exception(&interrupted);
    end_threads();
    object *flushed = py.PyObject_CallFunction(py.PyDict_GetItemString(helper, "finish"), "O", kept_modules);
    if (!flushed)
        py.PyErr_Print();
    else if (flushed == py.none)
        status = 120; /* what the program said could not be written */
    if (interrupted) {
        signal(SIGINT, SIG_DFL);
        kill(getpid(), SIGINT);
    }
    exit(status);
}

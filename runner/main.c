/*
 * main.c - enclos-runner: chooses the command. The rest of the folder does the work.
 */
#include "runner/host.h"

#include "api/common/version.h"

#include <stdio.h>
#include <string.h>

static int help_main(int argc, char **argv);
static int version_main(int argc, char **argv);

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *usage, *help;
} commands[] = {
    {"exec", exec_main, "exec [--cgroup PATH] [--profiles DIR] RUN_FOLDER", "run one folder, without any daemon"},
    {"log", log_main, "log RUN_FOLDER", "print what a run said"},
    {"outputs", outputs_main, "outputs RUN_FOLDER", "keep what a lost run had written on disk"},
    {"profile", profile_main, "profile list|show|diff|check|learn ...", "look at sandbox profiles, find a smaller one"},
    {"doctor", doctor_main, "doctor [--json]", "tell what this host offers"},
    {"launcher", launcher_main, "launcher --fd N [--lab-uid U --lab-gid G]", "serve enclosd, which starts this itself"},
    {"help", help_main, "help", "this text"},
    {"version", version_main, "version", "the version"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int help_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("enclos-runner builds the sandbox of a run and keeps its limits.\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  enclos-runner %-52s %s\n", commands[i].usage, commands[i].help);
    puts("\nA run folder holds spec.json; log, outputs/ and record.json are written into it.\n"
         "Exit status of exec: the program's own; 124 time limit, 125 the sandbox or the program could not be\n"
         "started, 130 cancelled, 137 out of memory, 128+n signal n. See enclos-runner(8).");
    return 0;
}

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("enclos-runner " ENCLOS_VERSION);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].main(argc > 1 ? argc - 1 : 0, argv + (argc > 1));
    fprintf(stderr, "enclos-runner: no command %s; see enclos-runner help\n", name);
    return 125;
}

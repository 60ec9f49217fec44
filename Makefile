# Enclos: one non-recursive Makefile.
#
#   make                      build/release/{enclosd,enclos,enclos-runner} and build/release/share
#   make VARIANT=debug        the same in build/debug (release debug asan tsan fuzz)
#   make check                unit tests (debug) and system tests (release)
#   make check-unit [T=json]  unit tests, or only tests/unit/test_json
#   make check-asan           both under the address and undefined-behaviour sanitizers
#   make check-tsan           unit tests under the thread sanitizer
#   make fuzz [FUZZ_SECONDS=] every fuzzer of tests/fuzz for a bounded time
#   make lint | format        clang-tidy and cppcheck | clang-format; LINT_DIRS="a b" narrows both
#   make api                  rewrite what is made of the method table (api/reference, the Python client's types)
#   make golden               rewrite the golden files (tests/unit/golden)
#   make install DESTDIR= PREFIX=
#
# Sources are found by wildcard, a static archive per folder; a folder without sources is an empty
# archive, a program without its main.c is not built. Objects depend on build/<variant>/flags,
# which changes when a flag does. main.c of a program folder stays out of its archive, so that
# unit tests can link everything else.

VARIANT ?= release
VARIANTS := release debug asan tsan fuzz
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT): use one of $(VARIANTS))
endif
B := build/$(VARIANT)
PREFIX ?= /usr/local
# Debian's packages (pytest, sklearn) belong to this interpreter, whatever PATH says.
PYTHON ?= /usr/bin/python3
FUZZ_SECONDS ?= 20
MAKEFLAGS += --no-builtin-rules --no-print-directory
# V=1 shows the whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)
.SUFFIXES:
.DELETE_ON_ERROR:

# ---- flags -------------------------------------------------------------------------------------

ifneq ($(VARIANT),fuzz)
ifeq ($(origin CC),default)
CC := gcc
endif
else
CC := clang
endif
AR := ar

WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
# -D_GNU_SOURCE= and not =1: a file that defines it itself then says the same thing twice.
COMMON := -std=gnu17 -D_GNU_SOURCE= -I. -g -pthread $(WARN) $(HARDEN)
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3

FLAGS_release := -O2 $(FORTIFY)
FLAGS_debug := -Og -g3 $(FORTIFY) -DENCLOS_TEST
# gcc says so itself: what sanitizers put between the lines makes it see overlaps and truncations
# that are not there. The other variants keep these warnings.
QUIET := -Wno-restrict -Wno-format-truncation -Wno-stringop-overflow -Wno-stringop-truncation \
         -Wno-stringop-overread -Wno-maybe-uninitialized -Wno-array-bounds
FLAGS_asan := $(QUIET) -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
              -fno-sanitize-recover=undefined -DENCLOS_TEST
FLAGS_tsan := $(QUIET) -O1 -fno-omit-frame-pointer -fsanitize=thread -DENCLOS_TEST
FLAGS_fuzz := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=undefined -Wno-unknown-warning-option -DENCLOS_TEST

LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread
LINK_fuzz := -fsanitize=address,undefined

# CFLAGS and LDFLAGS stay free for whoever builds: they come last.
ALL_CFLAGS := $(COMMON) $(FLAGS_$(VARIANT)) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
               $(LINK_$(VARIANT)) $(LDFLAGS)

LIBS_enclosd := -luv -lcjson -lsqlite3 -lcrypto -lzstd -lm
# What libarchive links for formats that are not read here (xml2 and with it ICU) would double the time
# that every command takes to start: only its readers of tar are linked, statically. ARCHIVE_LIBS= overrides.
ARCHIVE_LIBS ?= -Wl,-Bstatic -larchive -lzstd -llz4 -llzma -lbz2 -lz -Wl,-Bdynamic
LIBS_enclos := -lcjson -lcrypto $(ARCHIVE_LIBS) -lm
# The runner starts often, so what can be linked statically is: Debian has libseccomp.a and
# libcap.a, but cJSON only as a shared library (so no -static). RUNNER_LIBS= overrides.
RUNNER_LIBS ?= -Wl,-Bstatic -lseccomp -lcap -Wl,-Bdynamic -lcjson -lm
LIBS_enclos-runner := $(RUNNER_LIBS)

# ---- what there is ---------------------------------------------------------------------------

FOLDERS := common catalog orchestrator runner client cli inspect
DIR_common := api/common
DIR_catalog := catalog
DIR_orchestrator := orchestrator
DIR_runner := runner
DIR_client := api/client
DIR_cli := api/cli
DIR_inspect := api/inspect

sources = $(filter-out $(DIR_$(1))/main.c,$(sort $(wildcard $(DIR_$(1))/*.c)))
archive = $(patsubst %,$(B)/lib%.a,$(1))

MIGRATIONS := $(sort $(wildcard catalog/migrations/*.sql))
ifneq ($(and $(MIGRATIONS),$(wildcard catalog/migrate.h)),)
GEN_catalog := $(B)/gen/migrations.o
endif
FORMS := $(sort $(wildcard catalog/forms/*.jsonc))
GEN_catalog += $(B)/gen/forms.o
EXAMPLES := $(sort $(wildcard orchestrator/examples/*.json))
GEN_orchestrator := $(B)/gen/examples.o

PROGRAMS := $(if $(wildcard orchestrator/main.c),enclosd) $(if $(wildcard api/cli/main.c),enclos) \
            $(if $(wildcard runner/main.c),enclos-runner)
MAIN_enclosd := orchestrator
MAIN_enclos := api/cli
MAIN_enclos-runner := runner
USES_enclosd := orchestrator catalog common
USES_enclos := cli client common
USES_enclos-runner := runner common

SHARE := $(patsubst sandbox-profiles/%,$(B)/share/enclos/sandbox-profiles/%,\
             $(wildcard sandbox-profiles/*.jsonc)) \
         $(patsubst api/python/%,$(B)/share/enclos/python/%,$(wildcard api/python/enclos/*.py))

UNIT_TESTS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_SUPPORT := $(patsubst %.c,$(B)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
FUZZERS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
INSPECT := $(B)/lib/enclos/enclos-inspect
WARM := $(if $(wildcard runner/template/*.c),$(B)/lib/enclos/enclos-warm.so)
PROBE := $(if $(wildcard tests/probe/*.c),$(B)/tests/probe/probe)

.PHONY: api all share units check check-unit check-system check-asan check-tsan fuzz lint format golden \
        install clean probe FORCE
all: $(addprefix $(B)/,$(PROGRAMS)) $(WARM) $(INSPECT) share

# ---- rules -------------------------------------------------------------------------------------

# Rewritten only when the text changes: everything that is compiled or linked depends on it.
define keep_if_same
@mkdir -p $(@D)
@printf '%s\n' '$(strip $(1))' | cmp -s - $@ || printf '%s\n' '$(strip $(1))' > $@
endef
$(B)/flags: FORCE
	$(call keep_if_same,$(CC) $(ALL_CFLAGS) / $(ALL_LDFLAGS) / $(RUNNER_LIBS) / $(ARCHIVE_LIBS))

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%.o: tests/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -UENCLOS_TEST -DENCLOS_TEST -MMD -MP -c -o $@ $<

$(B)/gen/migrations.c: $(MIGRATIONS) scripts/embed-migrations $(B)/gen/migrations.list
	@mkdir -p $(@D)
	scripts/embed-migrations $(MIGRATIONS) > $@
$(B)/gen/migrations.list: FORCE
	$(call keep_if_same,$(MIGRATIONS))
$(B)/gen/forms.c: $(FORMS) scripts/embed-forms $(B)/gen/forms.list
	@mkdir -p $(@D)
	scripts/embed-forms $(FORMS) > $@
$(B)/gen/forms.list: FORCE
	$(call keep_if_same,$(FORMS))
$(B)/gen/examples.c: $(EXAMPLES) scripts/embed-examples $(B)/gen/examples.list
	@mkdir -p $(@D)
	scripts/embed-examples $(EXAMPLES) > $@
$(B)/gen/examples.list: FORCE
	$(call keep_if_same,$(EXAMPLES))
$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The list makes an archive change when a source goes away, too.
define archive_rules
OBJS_$(1) := $$(patsubst %.c,$$(B)/%.o,$$(call sources,$(1))) $$(GEN_$(1))
$$(B)/lib$(1).list: FORCE
	$$(call keep_if_same,$$(OBJS_$(1)))
$$(B)/lib$(1).a: $$(OBJS_$(1)) $$(B)/lib$(1).list
	@rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$(OBJS_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive_rules,$(f))))

define program_rules
$$(B)/$(1): $$(B)/$$(MAIN_$(1))/main.o $$(call archive,$$(USES_$(1))) $$(B)/flags
	$$(call say,LINK)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LIBS_$(1))
endef
$(foreach p,enclosd enclos enclos-runner,$(eval $(call program_rules,$(p))))

# Data, copied so that a build folder can be used (or moved) as it is.
share: $(SHARE)
	@for f in $$(find $(B)/share -type f 2>/dev/null); do \
	    case " $(SHARE) " in *" $$f "*) ;; *) rm -f "$$f";; esac; done
$(B)/share/enclos/sandbox-profiles/%: sandbox-profiles/%
	@mkdir -p $(@D)
	@cp $< $@
$(B)/share/enclos/python/%: api/python/%
	@mkdir -p $(@D)
	@cp $< $@

# A unit test links the archives of the folders that it includes, and those that they build on:
# one folder that does not compile today does not stop the tests of another.
UNIT_LIBS := -luv -lcjson -lsqlite3 -lcrypto -lseccomp -lcap $(ARCHIVE_LIBS) -lcmocka -lm
$(foreach f,$(FOLDERS),$(eval INCL_$(f) := \
    $(shell grep -l '^ *\# *include *"$(DIR_$(f))/' tests/unit/*.c tests/fuzz/*.c 2>/dev/null)))
includes = $(if $(filter $(1),$(INCL_$(2))),$(2))
needs = $(foreach f,orchestrator catalog runner cli client inspect,$(call includes,$(1),$(f))) \
        $(if $(call includes,$(1),orchestrator),catalog) $(if $(call includes,$(1),cli),client) common
define unit_rules
$$(B)/$(basename $(1)): $$(B)/$(basename $(1)).o $$(UNIT_SUPPORT) $$(B)/flags \
                        $$(call archive,$$(sort $$(call needs,$(1))))
	$$(call say,LINK)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) \
	    -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(UNIT_LIBS)
endef
$(foreach t,$(wildcard tests/unit/test_*.c),$(eval $(call unit_rules,$(t))))
define fuzz_rules
$$(B)/$(basename $(1)): $$(B)/$(basename $(1)).o $$(B)/flags \
                        $$(call archive,$$(sort $$(call needs,$(1))))
	$$(call say,LINK)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) \
	    -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(filter-out -lcmocka,$$(UNIT_LIBS))
endef
$(foreach t,$(wildcard tests/fuzz/fuzz_*.c),$(eval $(call fuzz_rules,$(t))))

# The attack probe runs inside sandboxes where no library may be there.
probe: $(PROBE)
$(B)/tests/probe/probe: $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/probe/*.c))) $(B)/flags
	$(call say,LINK)
	$(Q)$(CC) -static-pie -pthread -o $@ $(filter %.o,$^)
# Static, so never with a sanitizer.
$(B)/tests/probe/%.o: tests/probe/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(COMMON) -O2 -MMD -MP -c -o $@ $<

# The profiler is alone in the root of its sandbox: no library is there.
INSPECT_OBJS := $(patsubst %.c,$(B)/static/%.o,$(sort $(wildcard api/inspect/*.c)) \
    api/common/buf.c api/common/err.c api/common/fd.c api/common/jsonwrite.c api/common/mem.c api/common/text.c)
$(B)/static/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(COMMON) -O2 $(FORTIFY) -MMD -MP -c -o $@ $<
$(INSPECT): $(INSPECT_OBJS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) -static-pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections -s -o $@ $^ -lm

# Loaded into a Python that is no program of ours: never with a sanitizer, and nothing that it shows by name but
# the one function it is there for.
WARM_OBJS := $(patsubst %.c,$(B)/pic/%.o,$(sort $(wildcard runner/template/*.c)) runner/priv_job.c runner/attest.c runner/priv_terminal.c runner/landlock.c \
    runner/setup.c runner/identity.c runner/warm_page.c api/common/fd.c api/common/buf.c api/common/err.c api/common/text.c)
$(B)/pic/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(COMMON) -fPIC -fvisibility=hidden -O2 $(FORTIFY) -I$(B)/gen -MMD -MP -c -o $@ $<
$(B)/pic/runner/template/python.o: $(B)/gen/runner/template/helper.inc
$(B)/gen/runner/template/helper.inc: runner/template/helper.py
	@mkdir -p $(@D)
	@sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $< > $@
$(B)/lib/enclos/enclos-warm.so: $(WARM_OBJS)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) -shared -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs,--as-needed,--exclude-libs,ALL -o $@ $^ -ldl

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- tests -------------------------------------------------------------------------------------

# T=json builds and runs only that one.
units: $(if $(T),$(foreach t,$(T),$(B)/tests/unit/test_$(t)),$(UNIT_TESTS))

check: check-unit check-system
check-unit:
	$(MAKE) VARIANT=$(if $(filter release,$(VARIANT)),debug,$(VARIANT)) units
	scripts/test-unit build/$(if $(filter release,$(VARIANT)),debug,$(VARIANT)) $(T)
check-system: all probe
	@if [ -d tests/system ]; then \
	    ENCLOS_BUILD=$(abspath $(B)) $(PYTHON) -m pytest -q tests/system $(PYTEST_ARGS); \
	else echo "tests/system: nothing there"; fi
check-asan:
	$(MAKE) VARIANT=asan check-unit check-system
check-tsan:
	$(MAKE) VARIANT=tsan check-unit
fuzz:
	$(MAKE) VARIANT=fuzz fuzzers
	scripts/fuzz build/fuzz $(FUZZ_SECONDS)
.PHONY: fuzzers
fuzzers: $(FUZZERS)
api: $(B)/enclosd
	scripts/make-api $(B)/enclosd
golden:
	ENCLOS_GOLDEN=rewrite $(MAKE) check-unit T=cli_text

LINT_DIRS ?= $(foreach f,$(FOLDERS),$(DIR_$(f))) runner/template
LINT_SOURCES = $(sort $(foreach d,$(LINT_DIRS),$(wildcard $(d)/*.c)))
lint: $(B)/gen/runner/template/helper.inc
	@printf '%s\n' $(LINT_SOURCES) | xargs -P 2 -n 4 sh -c \
	    'clang-tidy --quiet "$$@" -- -x c $(filter-out -Werror -fcf-protection,$(COMMON)) -I$(B)/gen \
	         -Wno-unknown-warning-option 2>&1 || exit 1' sh > build/lint.log; \
	    status=$$?; grep -av 'warnings\? generated\.\|^Suppressed\|^Use -header' build/lint.log; exit $$status
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability \
	    --inline-suppr --error-exitcode=1 --suppressions-list=scripts/cppcheck.suppress \
	    '-D__VA_OPT__(...)=' -I. -I$(B)/gen $(LINT_SOURCES)
format:
	clang-format -i $(foreach d,$(LINT_DIRS),$(wildcard $(d)/*.c $(d)/*.h))

# ---- installing --------------------------------------------------------------------------------

MAN := $(wildcard api/cli/*.[1-8] orchestrator/*.[1-8] runner/*.[1-8])
UNITS := $(wildcard scripts/systemd/*.service)
INSTALL_UNIT = sed 's|@PREFIX@|$(PREFIX)|g'
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/enclos
	set -e; $(foreach p,$(PROGRAMS),install -m 0755 $(B)/$(p) $(DESTDIR)$(PREFIX)/bin/$(p);)
	set -e; $(foreach f,$(SHARE),install -D -m 0644 $(f) \
	    $(DESTDIR)$(PREFIX)/share/$(patsubst $(B)/share/%,%,$(f));)
	install -D -m 0644 $(WARM) $(DESTDIR)$(PREFIX)/lib/enclos/enclos-warm.so
	install -D -m 0755 $(INSPECT) $(DESTDIR)$(PREFIX)/lib/enclos/enclos-inspect
	install -D -m 0644 api/cli/completion/enclos.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/enclos
	install -D -m 0644 api/cli/completion/_enclos $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_enclos
	install -D -m 0644 api/cli/completion/enclos.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/enclos.fish
	set -e; $(foreach m,$(MAN),install -D -m 0644 $(m) \
	    $(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m));)
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	set -e; $(foreach u,$(UNITS),$(INSTALL_UNIT) $(u) > $(DESTDIR)$(PREFIX)/lib/systemd/system/$(notdir $(u)); \
	    chmod 0644 $(DESTDIR)$(PREFIX)/lib/systemd/system/$(notdir $(u));)
	install -D -m 0644 scripts/systemd/enclos.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/enclos.conf
	install -D -m 0644 scripts/systemd/enclos.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/enclos.conf

clean:
	rm -rf build

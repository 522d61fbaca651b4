# The front door: `make help` lists what there is.
#
# Everything made stands in build/$(BUILD)/; make run keeps its state in run/.

BUILD      ?= release
OUT        := build/$(BUILD)
JOBS       ?= 2
CLANG      ?= clang
FUZZ_SECONDS ?= 600
TEST_PREREQ ?= deps built

ifeq ($(filter $(BUILD),release debug sanitize),)
$(error BUILD is release, debug or sanitize, not "$(BUILD)")
endif

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wvla
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE $(WARN) -g -fPIC \
        -fstack-protector-strong -Ingx_asgard_module -Iasgard-ctl

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

OPT_release  := -O2 -D_FORTIFY_SOURCE=2
OPT_debug    := -O0
OPT_sanitize := -O1 -fno-omit-frame-pointer $(SANITIZE)

LINK_release  := -Wl,-z,relro -Wl,-z,now
LINK_debug    := $(LINK_release)
LINK_sanitize := $(SANITIZE)

ALL_CFLAGS  = $(BASE_CFLAGS) $(OPT_$(BUILD)) $(CFLAGS) -MMD -MP
ALL_LDFLAGS = $(LINK_$(BUILD)) $(LDFLAGS)
CORE_LIBS  := -lcrypto -lpcre2-8
CTL_LIBS   := -lpq -lhiredis -lcrypto -lpcre2-8 -lyaml -lcjson -lcurl -lpthread
CTL_CFLAGS := -I/usr/include/postgresql

LUA     := $(sort $(wildcard ngx_asgard_module/core/lua/*.lua))
LUA_PARTS := $(wildcard ngx_asgard_module/core/lua/part/*.lua)
SQL     := $(sort $(wildcard asgard-ctl/store/migrations/*.sql))
CORE    := $(sort $(wildcard ngx_asgard_module/core/*.c))
CTL     := $(sort $(shell find asgard-ctl -name '*.c'))
UNIT    := $(sort $(wildcard t/unit/test_*.c))
FUZZ    := $(sort $(wildcard t/fuzz/fuzz_*.c))
MODULE  := $(wildcard ngx_asgard_module/*.[ch] ngx_asgard_module/core/*.[ch])

LUA_C   := $(if $(and $(LUA),$(wildcard scripts/embed-lua)),$(OUT)/gen/asg_lua.c)
SQL_C   := $(if $(SQL),$(OUT)/gen/ctl_migrations.c)
PRICES_C := $(OUT)/gen/ctl_prices.c
OPENAPI_C := $(OUT)/gen/ctl_openapi.c
PAGE_C  := $(OUT)/gen/ctl_link_page.c
GEN_C   := $(SQL_C) $(PRICES_C) $(OPENAPI_C) $(PAGE_C)

CORE_O  := $(CORE:%.c=$(OUT)/%.o) $(LUA_C:%.c=%.o)
CTL_O   := $(filter-out $(OUT)/asgard-ctl/main.o,$(CTL:%.c=$(OUT)/%.o)) \
           $(GEN_C:%.c=%.o)
CTL_BIN := $(if $(wildcard asgard-ctl/main.c),$(OUT)/asgard-ctl/asgard-ctl)
UNIT_BIN := $(UNIT:%.c=$(OUT)/%)

# The simulator puts functions of its own before these of the product.
SIM     := $(sort $(wildcard t/sim/*.c))
SIM_BIN := $(OUT)/t/sim/sim
SIM_WRAP := asg_script_text asg_script_sha ctl_redis_script ctl_redis_run_id \
        ctl_pg_commit ctl_drain_current ctl_apply_owed ctl_evidence_join \
        ctl_restored_take ctl_opening_sum ctl_zone_window ctl_pg_ask \
        ctl_pg_prepared_name PQconnectStartParams PQfinish nanosleep asg_price_cost \
        ctl_limit_start_note ctl_lead_clock_back asg_catalog_project_card \
        ctl_prices_overlay
CLOCK_SHIM := $(OUT)/t/lib/clock_shim.so

# Fuzz targets have instrumented objects of their own, whatever BUILD is.
FOUT    := build/fuzz
FUZZ_BIN := $(FUZZ:%.c=$(FOUT)/%)
FUZZ_CTL := $(filter-out asgard-ctl/main.c,$(CTL))
FUZZ_O  := $(CORE:%.c=$(FOUT)/%.o) $(LUA_C:$(OUT)/%.c=$(FOUT)/%.o)
FUZZ_CTL_O := $(FUZZ_CTL:%.c=$(FOUT)/%.o) $(GEN_C:$(OUT)/%.c=$(FOUT)/%.o)
FUZZ_CFLAGS := $(BASE_CFLAGS) -O1 -fno-omit-frame-pointer \
        -fsanitize=fuzzer-no-link,address,undefined \
        -fno-sanitize-recover=all -MMD -MP

NGINX_SO  := $(OUT)/nginx/ngx_http_asgard_module.so
NGINX_BIN := $(OUT)/nginx/nginx

# What the system tests and scripts/ need to know about this build.
export ASGARD_BUILD := $(abspath $(OUT))
export ASGARD_TOP   := $(CURDIR)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help deps all built module ctl nginx test test-sanitize test-unit \
        test-gateway test-lua \
        test-ctl test-run test-docs test-fault test-fault-long test-abuse \
        test-harden \
        test-sim torture soak test-sdk test-openwebui fuzz-smoke fuzz check \
        check-layers check-scripts lint bench bench-core bench-peers run stop reload clean

help: ## List the targets
	@echo "Usage: make [BUILD=release|debug|sanitize] TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' \
	    $(firstword $(MAKEFILE_LIST))

deps: ## Install what is missing (Debian packages; sudo when not root)
	@scripts/install-deps

all: module ctl ## Build the module and asgard-ctl (the default)

# Behind deps, one after the other; JOBS at once by itself.
built:
	@$(MAKE) --no-print-directory -j$(JOBS) all

# --- the module -----------------------------------------------------------

ifeq ($(BUILD),sanitize)
module: $(NGINX_BIN) ## Build the nginx module (sanitize: an nginx with it)
$(NGINX_BIN): $(LUA_C) $(MODULE) config scripts/build-nginx-sanitize
	@echo "nginx with the module, sanitized"
	@scripts/build-nginx-sanitize $(@D) $(LUA_C)
	@touch $@
else
module: $(NGINX_SO)
$(NGINX_SO): $(LUA_C) $(MODULE) config scripts/build-module
	@echo "module $@"
	@scripts/build-module $(@D) $(LUA_C) $(BUILD)
	@touch $@
endif

# --- core and asgard-ctl --------------------------------------------------

ctl: $(CTL_BIN) ## Build asgard-ctl

$(OUT)/asgard-ctl/asgard-ctl: $(OUT)/asgard-ctl/main.o \
                              $(OUT)/libasgardctl.a $(OUT)/libasgard.a
	@echo "link $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CTL_LIBS)
	@ln -sf $(@F) $(@D)/asgard

# An archive is made anew: an object whose source is gone must not stay in.
$(OUT)/libasgard.a: $(CORE_O)
	@mkdir -p $(@D); rm -f $@
	@ar rcs $@ $(CORE_O)

$(OUT)/libasgardctl.a: $(CTL_O)
	@mkdir -p $(@D); rm -f $@
	@ar rcs $@ $(CTL_O)

$(OUT)/gen/asg_lua.c: $(LUA) $(LUA_PARTS) scripts/embed-lua
	@mkdir -p $(@D)
	@scripts/embed-lua $@ $(LUA)

$(OUT)/gen/ctl_migrations.c: $(SQL) scripts/embed-sql
	@mkdir -p $(@D)
	@scripts/embed-sql $@ $(SQL)

$(OUT)/gen/openapi.json: scripts/openapi $(wildcard asgard-ctl/http/*_routes.c) \
                         asgard-ctl/http/routes.c asgard-ctl/http/openapi.json
	@mkdir -p $(@D)
	@scripts/openapi $@

$(OPENAPI_C): $(OUT)/gen/openapi.json scripts/embed-text
	@mkdir -p $(@D)
	@scripts/embed-text $@ http/openapi.h ctl_openapi $<

$(PAGE_C): asgard-ctl/http/link_page.html scripts/embed-text
	@mkdir -p $(@D)
	@scripts/embed-text $@ http/link_page.h ctl_link_page $<

$(PRICES_C): asgard-ctl/catalog/prices.json scripts/embed-text
	@mkdir -p $(@D)
	@scripts/embed-text $@ catalog/price_table.h ctl_prices_shipped $<

$(OUT)/gen/%.o: $(OUT)/gen/%.c
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(OUT)/asgard-ctl/%.o: asgard-ctl/%.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(ALL_CFLAGS) $(CTL_CFLAGS) -c -o $@ $<

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

# --- tests ----------------------------------------------------------------

test: $(TEST_PREREQ) ## Run every test; ends with "N passed, N failed"
	@scripts/test check docs unit lua gateway ctl run fault abuse harden sim sdk fuzz

test-sanitize: ## Every test with ASan and UBSan in nginx and asgard-ctl
	@$(MAKE) --no-print-directory BUILD=sanitize test

test-unit: ## Unit tests of core/ and asgard-ctl (cmocka)
	@scripts/test unit

test-gateway: $(TEST_PREREQ) ## The gateway's system tests (prove)
	@scripts/test gateway

test-lua: $(TEST_PREREQ) ## The scripts in Redis (prove)
	@scripts/test lua

test-run: $(TEST_PREREQ) ## What make run and its installation do (prove)
	@scripts/test run

test-docs: $(TEST_PREREQ) ## The documents against the code (prove)
	@scripts/test docs

test-ctl: $(TEST_PREREQ) ## asgard-ctl's system tests (prove)
	@scripts/test ctl

test-fault: $(TEST_PREREQ) ## Stores and networks that fail (prove)
	@scripts/test fault

test-abuse: $(TEST_PREREQ) ## Hostile clients and providers, row by row (prove)
	@scripts/test abuse

test-harden: $(TEST_PREREQ) ## What limits the damage of a break-in (prove)
	@scripts/test harden

test-sim: $(TEST_PREREQ) sim-program ## The simulator of the money protocol
	@scripts/test sim

soak: $(TEST_PREREQ) sim-program ## The simulator, 10 million steps
	@ASGARD_STEPS=$${ASGARD_STEPS:-10000000} ASGARD_SOAK=1 \
	    perl -It/lib t/sim/sim.t

test-fault-long: $(TEST_PREREQ) ## Faults that last 5 minutes and an hour
	@ASGARD_LONG=1 prove -v -It/lib t/fault/postgres_down.t \
	    t/fault/ctl_dead.t

torture: $(TEST_PREREQ) ## Fail every allocation of worker and asgard-ctl
	@ASGARD_TORTURE=1 prove -v -It/lib t/fault/no_memory_*.t

test-sdk: $(TEST_PREREQ) ## The official SDKs against a running gateway
	@scripts/test sdk

test-openwebui: $(TEST_PREREQ) ## Open WebUI, which this installs (1.2 GB)
	@scripts/sdk-env openwebui
	@prove -It/lib t/sdk/openwebui.t

fuzz-smoke: $(FUZZ_BIN) ## Every fuzz target for 20 s
	@scripts/test fuzz

fuzz: $(FUZZ_BIN) ## Every fuzz target for FUZZ_SECONDS (600), JOBS at once
	@FUZZ_SECONDS=$(FUZZ_SECONDS) TEST_JOBS=$(JOBS) scripts/test fuzz

unit-programs: $(UNIT_BIN)
fuzz-programs: $(FUZZ_BIN)
.PHONY: unit-programs fuzz-programs

$(OUT)/t/unit/test_%: $(OUT)/t/unit/test_%.o \
                      $(OUT)/libasgardctl.a $(OUT)/libasgard.a
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(CTL_LIBS)

$(SIM_BIN): $(SIM:%.c=$(OUT)/%.o) $(OUT)/libasgardctl.a $(OUT)/libasgard.a
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(SIM_WRAP:%=-Wl,--wrap=%) -o $@ \
	    $^ $(CTL_LIBS)

$(OUT)/t/sim/%.o: t/sim/%.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(ALL_CFLAGS) $(CTL_CFLAGS) -It/sim -c -o $@ $<

# Preloaded into other programs: never sanitized.
$(CLOCK_SHIM): t/lib/clock_shim.c
	@mkdir -p $(@D)
	@$(CC) $(BASE_CFLAGS) -U_GNU_SOURCE -O2 -shared -o $@ $<

sim-program: $(SIM_BIN) $(CLOCK_SHIM)
.PHONY: sim-program

$(OUT)/t/unit/%.o: t/unit/%.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(ALL_CFLAGS) $(CTL_CFLAGS) -Wno-format-overflow -DASG_TOP='"$(CURDIR)"' -c -o $@ $<

$(FOUT)/t/fuzz/fuzz_%: $(FOUT)/t/fuzz/fuzz_%.o $(FOUT)/libfuzz.a
	@$(CLANG) -g -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -o $@ $^ $(CTL_LIBS)

$(FOUT)/libfuzz.a: $(FUZZ_O) $(FUZZ_CTL_O)
	@mkdir -p $(@D); rm -f $@
	@ar rcs $@ $(FUZZ_O) $(FUZZ_CTL_O)

$(FOUT)/gen/%.o: $(OUT)/gen/%.c
	@mkdir -p $(@D)
	@$(CLANG) $(FUZZ_CFLAGS) -c -o $@ $<

$(FOUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "fuzz $<"
	@$(CLANG) $(FUZZ_CFLAGS) $(CTL_CFLAGS) -c -o $@ $<

check: lint check-layers check-scripts ## Shape, layering, scripts

lint: ## Shape rules: columns, lengths, banned functions
	@scripts/lint

check-layers: ## Dependencies point one way
	@scripts/check-layers

check-scripts: ## Shell and Perl parse; reports only
	@scripts/check-scripts

OPENLOAD := $(OUT)/bench/openload

$(OPENLOAD): bench/openload.c
	@mkdir -p $(@D)
	@echo "link $@"
	@$(CC) $(BASE_CFLAGS) $(OPT_$(BUILD)) -o $@ $<

bench: $(TEST_PREREQ) $(OPENLOAD) ## Print the performance table
	@scripts/bench

bench-peers: $(TEST_PREREQ) $(OPENLOAD) ## LiteLLM and Portkey beside Asgard
	@scripts/bench peers

bench-core: $(OUT)/bench/core ## Print how fast the scans are
	@$<

$(OUT)/bench/core: $(OUT)/bench/core.o $(OUT)/libasgard.a
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS)

# --- a private Asgard -----------------------------------------------------

run: deps built ## Start everything under run/ and make one governed call
	@scripts/run

stop: ## Stop what make run started; data stays
	@scripts/stop

reload: ## Apply changed services, routing, backends.env, guardrails
	@scripts/reload

clean: ## Remove what was built (not run/)
	rm -rf build

-include $(shell find build -name '*.d' -type f 2>/dev/null)

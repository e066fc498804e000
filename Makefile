# Two commands: `make run` starts a sample server, `make test` shows everything that must hold.
#
# CARGO_TARGET_DIR may point to a cache outside the clone. All is built in the release profile, so that each
# dependency is compiled once for the server and for its tests.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# A command that the client tests need, and the Debian package that brings it.
TOOLS := swaks:swaks curl:curl mbsync:isync fetchmail:fetchmail neomutt:neomutt offlineimap:offlineimap3 sieve-connect:sieve-connect npm:npm python3:python3 dkimverify:python3-dkim opendkim:opendkim ip:iproute2

.PHONY: run test nightly build prerequisites tools format lint unit licences clients crash million fuzz clean help

help:
	@echo "make run    build facteur and start a sample server (ports from 10000; ARGS= for more options)"
	@echo "make test   format, lint, unit tests, licences, real mail clients, some kills"
	@echo "make nightly   make test with Thunderbird and Evolution too, and hundreds of kills under load"
	@echo "make million   fill a folder with a million letters and tell how long working with it takes"
	@echo "make fuzz   libFuzzer on every parser, SECONDS_EACH=60 (needs nightly Rust and cargo-fuzz)"

run: build
	"$(TARGET)/release/facteur" try $(ARGS)

test: prerequisites tools format lint unit licences clients crash

# Thunderbird's tests and Evolution's run wherever these are installed; at 250 MB each they are brought only here.
EVOLUTION := /usr/libexec/evolution-source-registry
nightly: TOOLS += thunderbird:thunderbird $(addprefix $(EVOLUTION):,evolution-data-server gir1.2-camel-1.2 python3-gi)
nightly: test
	$(MAKE) crash KILLS=$(or $(NIGHTLY_KILLS),200)

build: prerequisites
	cargo build --release --locked --package server

# One clear line for each thing that only the administrator can bring.
prerequisites:
	@command -v cargo >/dev/null || { echo "make: cargo is missing; install Rust with rustup (https://rustup.rs): rust-toolchain.toml chooses the version" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "make: a C compiler is missing; run: apt-get install build-essential" >&2; exit 1; }

# Installs only what is missing; asks nothing, so that it also runs without a terminal.
tools:
	@missing=""; for tool in $(TOOLS); do \
	  command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	as_root=""; [ "$$(id -u)" = 0 ] || as_root="sudo"; \
	echo "make: installing$$missing"; \
	$$as_root apt-get update -q </dev/null; \
	$$as_root env DEBIAN_FRONTEND=noninteractive \
	  apt-get install -q -y --no-install-recommends $$missing </dev/null

format:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --release --locked -- -D warnings

unit:
	cargo test --workspace --release --locked

# `cargo xtask licences` checks the same deny.toml and is part of the unit tests; cargo-deny knows more.
licences:
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; \
	else cargo xtask licences && echo "licences: deny.toml holds (cargo-deny is not installed)"; fi

clients: build
	python3 tests/clients/run.py --facteur "$(TARGET)/release/facteur" --cache "$(TARGET)/letters" $(CLIENTS)

# kill -9 under load, against a ledger of what was acknowledged.
crash: build
	cargo xtask crash $(or $(KILLS),15)

# Tells, does not judge; takes some ten minutes and 5 GB below TMPDIR.
million: build
	python3 tests/clients/million.py --facteur "$(TARGET)/release/facteur" --letters $(or $(LETTERS),1000000)

# libFuzzer on every target, or on one (FUZZ=imap/dialogue); what it learned stays in crates/*/fuzz/corpus.
fuzz: prerequisites
	@cargo +nightly fuzz --version >/dev/null || { echo "make: run: rustup toolchain install nightly; cargo install cargo-fuzz" >&2; exit 1; }
	@for folder in crates/*/fuzz; do \
	  crate="$${folder#crates/}"; crate="$${crate%/fuzz}"; \
	  for target in $$(cargo +nightly fuzz list --fuzz-dir "$$folder"); do \
	    [ -z "$(FUZZ)" ] || [ "$(FUZZ)" = "$$crate/$$target" ] || continue; \
	    echo "fuzz: $$crate/$$target"; \
	    corpus="$$folder/corpus/$$target"; mkdir -p "$$corpus"; \
	    seeds="$$folder/seeds"; [ -d "$$seeds" ] || seeds=""; \
	    cargo +nightly fuzz run --fuzz-dir "$$folder" "$$target" "$$corpus" $$seeds -- \
	      -max_total_time=$(or $(SECONDS_EACH),60) -timeout=20 -verbosity=0 -print_final_stats=1; \
	  done; \
	done

clean:
	cargo clean

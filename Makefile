# The versions of all tools that are not in go.mod stand here and nowhere else.
GOLANGCI_LINT_VERSION := v2.15.0
PROMTOOL_VERSION      := v0.316.0

# How many random cases each property is tried with. The race detector makes every case dear, and what it looks for
# shows in few of them, so the many cases run without it.
UNIT_CASES     := 100
RACE_CASES     := 1000
PROPERTY_CASES := 10000
# The same cases each time, so that a change is judged by what it changes. With another number others are drawn, with 0 new
# ones each time: make properties PROPERTY_SEED=0 is how to look for what nobody has seen yet.
PROPERTY_SEED  := 1

# How many random histories the simulation plays, and how long each fuzz test looks for something new.
HISTORIES := 200
FUZZTIME  := 30s
# To fuzz kube and cmd too (FUZZED=./...), the SDK and client-go are compiled once more, with instruments: many minutes.
FUZZED    := ./reconcile

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

PROGRAM := kube-static-egress-controller
# The version is part of the file's name, so that a new version is installed and not taken for the old one.
GOLANGCI_LINT := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
PROMTOOL      := bin/promtool-$(PROMTOOL_VERSION)

# Every stage uses all cores already, and their output is to be read in order.
.NOTPARALLEL:
.PHONY: help demo test vet race properties simulation simulate fuzz rules e2e e2e-setup unit lint fmt bench build image clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## watch it work in memory: no cloud, no cluster, nothing to set up
	@site=(--cluster-id demo --configmaps=examples \
		--aws-az eu-central-1a --aws-nat-cidr-block 172.31.64.0/28 \
		--aws-az eu-central-1b --aws-nat-cidr-block 172.31.64.16/28 \
		--aws-az eu-central-1c --aws-nat-cidr-block 172.31.64.32/28); \
	show() { printf '\n$$ %s\n\n' "$$*" | sed 's/ --/ \\\n    --/g'; }; \
	run() { show "$$@"; "$$@"; }; \
	run bin/$(PROGRAM) plan --provider=inmemory "$${site[@]}"; \
	run bin/$(PROGRAM) run --once --provider=inmemory "$${site[@]}"; \
	printf '\nNext, the same plan against AWS; it only reads. Put in your zones, and blocks that are free in your VPC:\n'; \
	show bin/$(PROGRAM) plan --provider=aws-ec2 "$${site[@]}"

test: vet race properties simulation fuzz rules e2e ## everything, nothing from a cache

vet:
	go vet -tags=e2e ./...

race:
	@echo "== all tests under the race detector, $(RACE_CASES) cases for each property"
	RAPID_SEED=$(PROPERTY_SEED) RAPID_CHECKS=$(RACE_CASES) go test -race -count=1 -timeout=20m ./...

# The packages whose tests reach rapid are asked of the go command, so that a new one cannot be forgotten here.
properties:
	@echo "== the packages with property tests, $(PROPERTY_CASES) cases for each property"
	@packages=$$(go list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... \
		| awk '$$1 ~ /\.test$$/ && / pgregory\.net\/rapid( |$$)/ { sub(/\.test$$/, "", $$1); print $$1 }'); \
	[[ -n $$packages ]] || { echo "no package has property tests: is the search for them broken?" >&2; exit 1; }; \
	set -x; RAPID_SEED=$(PROPERTY_SEED) RAPID_CHECKS=$(PROPERTY_CASES) go test -count=1 -timeout=30m $$packages

# Of the thousands of lines only the failures and the sums are shown. The scenarios ran under the race detector already.
simulation:
	@echo "== every call of every story goes wrong, and $(HISTORIES) random histories"
	SIM_HISTORIES=$(HISTORIES) go test -count=1 -timeout=20m -v -skip '^TestScenarios' ./simulation \
		| awk '!/^ *(=== (RUN|PAUSE|CONT|NAME)|--- (PASS|SKIP))/'

# A history that failed is played again by its SEED alone. With many STEPS it goes on to the next ones until so many steps
# are done.
simulate: ## random histories in the in-memory EC2, SEED=n, STEPS=n steps long, PROVIDER=aws-cfn as a stack
	SIM_PROVIDER=$(PROVIDER) SIM_SEED=$(SEED) SIM_STEPS=$(or $(STEPS),100000) go test -count=1 -timeout=0 -v -run '^TestSimulate$$' ./simulation

# Without a bound, making an interesting input smaller takes up to a minute, in which nothing else is tried.
fuzz: ## each fuzz test of FUZZED, FUZZTIME long
	@echo "== the fuzz tests, $(FUZZTIME) each"
	@found=0; for package in $$(go list $(FUZZED)); do \
		for name in $$(go test -list '^Fuzz' $$package | awk '/^Fuzz/'); do \
			found=1; (set -x; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$package); \
		done; \
	done; [[ $$found = 1 ]] || { echo "no fuzz tests: is the search for them broken?" >&2; exit 1; }

# An alert that does not fire is as wrong as code, so this is one of the tests. promtool wants the rules bare, without the
# object around them, and knows nothing of dashboards: their queries are checked as if each were a rule. What Grafana puts
# into a query is put in here first. promtool takes minutes to build, once.
rules: $(PROMTOOL) ## check and test the alerts and the dashboard's queries
	@mkdir -p dist
	sed -e '1,/^spec:$$/d' -e 's/^  //' deploy/monitoring/prometheusrule.yaml >dist/rules.yaml
	$(PROMTOOL) check rules --lint=all --lint-fatal dist/rules.yaml
	$(PROMTOOL) test rules deploy/monitoring/rules_test.yaml
	@{ printf 'groups:\n- name: dashboard\n  rules:\n'; \
		sed -n 's/\$$__rate_interval/5m/g; s/^ *"expr": \(".*"\),$$/  - {record: "query", expr: \1}/p' deploy/monitoring/dashboard.json; } >dist/dashboard.yaml
	$(PROMTOOL) check rules --lint=none dist/dashboard.yaml

e2e: e2e-setup ## the built program against a real kube-apiserver and LocalStack
	@echo "== the end-to-end tests"
	go test -tags=e2e -count=1 -timeout=20m ./e2e

# Besides Go this needs a Python that LocalStack runs on, and buildah. What it makes is kept below .cache, which clean does not touch.
e2e-setup: ## make what e2e runs against, where it is missing; some minutes, once
	e2e/setup.sh

# The race detector, the fault runs and the histories take minutes, and are make test's.
unit: ## the loop while working: all but the fault runs and histories, few random cases
	RAPID_CHECKS=$(UNIT_CASES) go test -skip '^TestFaults|^TestHistories$$|^TestReferencesLag$$' ./...

lint: $(GOLANGCI_LINT) ## linters, import rules and format; changes nothing
	for script in .ci/run deploy/*.sh e2e/*.sh; do bash -n "$$script"; done
	$(GOLANGCI_LINT) config verify
	$(GOLANGCI_LINT) run ./...

fmt: $(GOLANGCI_LINT) ## format all Go files
	$(GOLANGCI_LINT) fmt

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

build: ## build bin/kube-static-egress-controller
	CGO_ENABLED=0 go build -trimpath -o bin/$(PROGRAM) ./cmd/$(PROGRAM)

# What the script can be told, as IMAGE and VERSION, stands at its top; make hands on what it is given.
image: ## build the image with docker, podman or buildah, IMAGE=name, PLATFORM=linux/arm64, VERSION=v1
	deploy/image.sh

clean: ## remove what was built
	rm -rf bin dist

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/golangci-lint $@

# With the tag it is built without the clients of all clouds in which Prometheus can look for what to ask.
$(PROMTOOL):
	GOBIN=$(CURDIR)/bin go install -tags remove_all_sd github.com/prometheus/prometheus/cmd/promtool@$(PROMTOOL_VERSION)
	mv bin/promtool $@

# make run and make test need Go and nothing else; see README.md.

GO       ?= go
BUILD    := build
CLEARHOP := $(BUILD)/clearhop
GEOIP    := $(BUILD)/geoip
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# What real nginx wrote in every scenario of docs/chain.md, as plain files, and the
# addresses of that chain: one NLB, the edge's task and a proxy behind it.
SAMPLES  := $(BUILD)/samples
CHAIN    := --nlb 10.16.1.11,2001:db8:16:1::11 --trusted 10.16.1.13,2001:db8:16:1::13,10.16.1.15

# Go compiles everything once for each set of flags, the standard library too. So
# no target here uses flags that go build, go run and go test by hand do not use;
# only -race and what is deployed differ.

# A slow laptop needs more than the 10 minutes that go test gives a package.
TEST := $(GO) test -timeout 40m

# What .ci/tools could not find on the system.
export PATH := $(CURDIR)/build/tools/bin:$(CURDIR)/build/tools/usr/sbin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run test lint bench compare compare-report profile dashboard screenshot fuzz build samples geoip geoip-city golden picture oracle chaos chain athena opensearch clean invoke validate package package-test snapshot snapshot-test release-tools deploy example example-check site build-SubscriberFunction build-StreamFunction build-TransformFunction build-GeoUpdateFunction build-DiagnosisFunction build-GeoIPLayer cost

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build samples ## enrich the sample logs: events to build/events.ndjson, a report of them to the terminal and to build/report.html
	@$(MAKE) --no-print-directory geoip || echo "make run: going on without GeoIP: no country and no network will be known" >&2
	@echo '$(CLEARHOP) enrich --nlb … --trusted … -o $(BUILD)/events.ndjson $(SAMPLES)/*/*.log'
	@$(CLEARHOP) enrich $(CHAIN) --output $(BUILD)/events.ndjson \
		$$(test -f $(GEOIP)/country.mmdb && echo --city-db $(GEOIP)/country.mmdb) \
		$$(test -f $(GEOIP)/asn.mmdb && echo --asn-db $(GEOIP)/asn.mmdb) \
		$(SAMPLES)/*/*.clearhop.log $(SAMPLES)/*/*.error.log testdata/seed/access.log
	@echo
	@echo '$(CLEARHOP) report --since 2026-01-01T00:00:00Z $(BUILD)/events.ndjson'
	@$(CLEARHOP) report -q --since 2026-01-01T00:00:00Z $(BUILD)/events.ndjson
	@echo
	@$(CLEARHOP) report --since 2026-01-01T00:00:00Z --html $(BUILD)/report.html $(BUILD)/events.ndjson
	@echo
	@echo "These were the logs of $$(ls $(SAMPLES) | wc -l) set-ups, most of them wrong on purpose. Next:"
	@echo '  which hop of one is broken:   $(CLEARHOP) doctor $(SAMPLES)/web-no-realip/*.clearhop.log'
	@echo '  lines with the true client:   $(CLEARHOP) enrich --as combined $(SAMPLES)/ok/edge.clearhop.log'
	@echo '  questions, also in your SQL:  $(CLEARHOP) query'

# A database is built anew when its sources change; npm's packages are kept in
# .cache. One after the other, since both write ATTRIBUTION.txt.
GEOIP_BUILDER := enrich/geoip/source.go $(filter-out %_test.go,$(wildcard internal/tools/makedb/*.go))

geoip: $(GEOIP)/country.mmdb $(GEOIP)/asn.mmdb ## build the GeoIP databases of countries and networks from free data (needs npm)

geoip-city: $(GEOIP)/city.mmdb ## build the GeoIP database of cities (needs npm, 2 minutes, 4 GB of memory)

$(GEOIP)/asn.mmdb: | $(GEOIP)/country.mmdb
$(GEOIP)/%.mmdb: $(GEOIP_BUILDER)
	@$(GO) run ./internal/tools/makedb -out $(GEOIP) -cache .cache/geoip $*

# RELEASE names the version of a release, such as v1.2.3. Without it the version is
# that of the checkout.
build: ## build the command into build/clearhop
	$(GO) build $(if $(RELEASE),-ldflags '-X main.release=$(RELEASE)') -o $(CLEARHOP) ./cmd/clearhop

samples: ## write the logs of all scenarios to build/samples, one folder each
	@rm -rf $(SAMPLES)
	$(GO) run ./internal/tools/samples $(SAMPLES)

# What sam build calls. The flags make a static binary without the parts of
# aws-lambda-go that only the retired go1.x runtime needs. With -trimpath the same
# sources make the same binary in every folder, so that a deployment uploads only
# what has changed.
LAMBDA_ARCH  ?= arm64
LAMBDA_FLAGS ?= -trimpath
lambda = CGO_ENABLED=0 GOOS=linux GOARCH=$(LAMBDA_ARCH) $(GO) build $(LAMBDA_FLAGS) -tags lambda.norpc -ldflags '-s -w' -o $(ARTIFACTS_DIR)/bootstrap

build-SubscriberFunction:
	$(lambda) ./functions/subscriber

build-StreamFunction:
	$(lambda) ./functions/stream

build-TransformFunction:
	$(lambda) ./functions/transform

build-GeoUpdateFunction:
	$(lambda) ./functions/geoupdate

build-DiagnosisFunction:
	$(lambda) ./functions/diagnosis

# sam build builds the layer whatever GeoIPSource says, and only GeoIPSource=layer
# deploys it. GEOIP_LAYER=no leaves a note in its place, so that nobody else needs npm.
GEOIP_LAYER ?= yes
ifeq ($(GEOIP_LAYER),no)
build-GeoIPLayer:
	mkdir -p $(ARTIFACTS_DIR)/geoip
	echo "Built with GEOIP_LAYER=no, for a GeoIPSource other than layer." >$(ARTIFACTS_DIR)/geoip/README
else
build-GeoIPLayer: geoip
	mkdir -p $(ARTIFACTS_DIR)/geoip
	cp -r $(GEOIP)/country.mmdb $(GEOIP)/asn.mmdb $(GEOIP)/ATTRIBUTION.txt $(ARTIFACTS_DIR)/geoip/
endif

PAYLOAD ?= testdata/payload/subscription.json
invoke: ## run the built function once, locally, on PAYLOAD; events to standard output, logs to standard error
	@mkdir -p $(BUILD)/subscriber
	@echo "building the function (a minute or two the first time)…" >&2
	@$(MAKE) --no-print-directory -s build-SubscriberFunction ARTIFACTS_DIR=$(BUILD)/subscriber LAMBDA_ARCH=$$($(GO) env GOHOSTARCH) LAMBDA_FLAGS=
	@$(GO) build -o $(BUILD)/invoke ./internal/tools/invoke
	@$(BUILD)/invoke -events $(BUILD)/subscriber/bootstrap $(PAYLOAD)

# MEASURE=yes measures the function first, and writes the figures and the tables again.
MEASURE ?= no
cost: ## say what a million lines cost on AWS, by road, form and memory (MEASURE=yes measures anew)
ifeq ($(MEASURE),yes)
	@$(MAKE) --no-print-directory geoip
	@mkdir -p $(BUILD)/subscriber
	@$(MAKE) --no-print-directory -s build-SubscriberFunction ARTIFACTS_DIR=$(BUILD)/subscriber LAMBDA_ARCH=$$($(GO) env GOHOSTARCH) LAMBDA_FLAGS=
	@$(GO) run ./internal/tools/cost -measure $(BUILD)/subscriber/bootstrap
	@$(GO) test ./internal/tools/cost -run '^TestOperatingPage$$' -update
else
	@$(GO) run ./internal/tools/cost
endif

EXAMPLE := deploy/example/template.yaml
example-check: build ## check the chain of the example stack, whole and with each fault, before it is deployed
	@$(GO) run ./internal/tools/example -clearhop $(CLEARHOP) $(EXAMPLE) $(BUILD)/example
	@echo "The configurations are in $(BUILD)/example, a folder for each value of Broken."

# EXAMPLE_STACK is the name of the stack, BROKEN the fault that it shows.
EXAMPLE_STACK ?= clearhop-example
BROKEN        ?= none
TARGET        ?= fargate
EXAMPLE_EMAIL ?=
example: example-check ## deploy the example stack to AWS (it costs money by the hour); BROKEN=edge-no-realip breaks a hop
	@command -v sam >/dev/null || { echo "make $@ $(SAM_MISSING)" >&2; exit 1; }
	sam build --template-file $(EXAMPLE) --build-dir $(BUILD)/example/sam
	sam deploy --template-file $(BUILD)/example/sam/template.yaml --stack-name $(EXAMPLE_STACK) --resolve-s3 \
		--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
		--parameter-overrides Broken=$(BROKEN) Target=$(TARGET) AlarmEmail=$(EXAMPLE_EMAIL)

validate: ## check template.yaml and the template of the example
	@command -v cfn-lint >/dev/null || { echo "make $@ needs cfn-lint: pip install cfn-lint" >&2; exit 1; }
	cfn-lint template.yaml $(EXAMPLE)

SAM_MISSING := needs the AWS SAM CLI: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html

package: ## build what sam deploy uploads, into .aws-sam (needs the SAM CLI; GEOIP_LAYER=no spares npm)
	@command -v sam >/dev/null || { echo "make $@ $(SAM_MISSING)" >&2; exit 1; }
	sam build

package-test: ## build a clean tree with the real SAM CLI, with and without the layer (some minutes; needs npm)
	@.ci/tools
	$(TEST) -tags sam -count 1 -v -run 'TestSAM' ./deploy

# A release is the folder build/dist: copy it to where RELEASE_URL says. No host is fixed yet,
# so it is this folder until somebody sets it. The Homebrew formula holds it, and, if it is on
# the web, the template of the functions. Of a commit with a tag the version is the tag; of
# another one it is the next version and the commit.
RELEASE_URL ?= file://$(CURDIR)/$(BUILD)/dist
DIST        := $(BUILD)/dist
RELEASE_BIN := $(CURDIR)/$(BUILD)/tools/release/bin
TAGGED      := $(shell git describe --exact-match --tags --match 'v*' 2>/dev/null)

release-tools: ## get what make snapshot needs beside Go: goreleaser, zig and files of Debian's packages (needs Python and apt)
	@release/tools

# One build at a time: each link of DuckDB takes 2 GB of memory.
snapshot: release-tools ## make all files of a release in build/dist (half an hour the first time; GEOIP_LAYER=no spares npm)
	rm -rf $(DIST) && mkdir -p $(DIST)
	PATH="$(RELEASE_BIN):$$PATH" goreleaser release --clean --parallelism 1 $(if $(TAGGED),--skip=publish,--snapshot)
	@$(GO) build -o $(BUILD)/release ./internal/tools/release
	@set -e; work=$(DIST)/work; \
	version=$$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' $$work/metadata.json | head -n 1); \
	commit=$$(git rev-parse HEAD); SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct); export SOURCE_DATE_EPOCH; \
	mv $$work/*.tar.gz $$work/*.zip $$work/*.deb $$work/*.rpm $$work/*.cdx.json $(DIST)/; \
	release/image-roots $(BUILD)/image $$work; \
	$(BUILD)/release image $$version $(DIST)/clearhop_$${version}_image.tar $(BUILD)/image $$commit; \
	$(BUILD)/release lambda $$version $(DIST)/clearhop_$${version}_lambda.zip '$(RELEASE_URL)'; \
	$(BUILD)/release formula $$version $(DIST) '$(RELEASE_URL)' >$(DIST)/clearhop.rb; \
	rm -rf $$work $(DIST)/pages; \
	cd $(DIST); sha256sum * >../checksums.txt; mv ../checksums.txt checksums.txt; ls -l

snapshot-test: ## install what make snapshot made into bare roots, and run it there (as root; needs debootstrap)
	$(TEST) -tags snapshot -count 1 -v ./release -dist $(CURDIR)/$(DIST)

# SETTINGS is the file of the stack's settings, one for each stack. ASK=no asks nobody.
SETTINGS ?= stack.yaml
ASK      ?= auto
deploy: ## deploy to AWS: asks five questions the first time, checks the settings, and tries the stack out
	@command -v $(GO) >/dev/null || { echo "make $@ needs Go 1.26 or newer: https://go.dev/dl/" >&2; exit 1; }
	@$(GO) build -o $(BUILD)/deploy/deploy ./internal/tools/deploy
	@$(BUILD)/deploy/deploy -ask $(ASK) -file $(SETTINGS)

test: ## get what the tests want (nginx, moto) and run them all
	@.ci/tools
	$(GO) vet -race ./...
	$(GO) vet -race -tags athena ./analytics ./dashboard
	$(GO) vet -race -tags sam,opensearch ./deploy
	$(GO) vet -race -tags snapshot ./release
	@status=0; echo "$(TEST) -race, and without it the packages $(NO_RACE)"; \
	$(TEST) -race $$($(GO) list ./... | grep -vxF $(NO_RACE:%=-e %)) || status=1; \
	$(TEST) $(NO_RACE) || status=1; exit $$status

# What starts whole programs, reads the template, or computes without a second goroutine:
# with the race detector these take three times as long, and half of all the time. What
# runs at the same time in the command is in feed (with the pipeline), analytics/store,
# dashboard, backfill and redrive, which are tested with it.
NO_RACE := clearhop/cmd/clearhop clearhop/deploy clearhop/chain clearhop/dashboard/browsertest clearhop/enrich/clientip clearhop/internal/chaos clearhop clearhop/parser clearhop/parser/infer clearhop/encode/parquet clearhop/diagnose clearhop/enrich/useragent clearhop/deploy/ci clearhop/aws/smoke clearhop/pipeline clearhop/functions/diagnosis clearhop/functions/transform

lint: ## run golangci-lint
	$(GO) run $(LINT) run ./...

dashboard: ## build the page of the dashboard into dashboard/assets (needs Node and npm)
	cd dashboard/web && npm ci --no-audit --no-fund && npm run --silent check && npm test --silent && npm run --silent build

screenshot: run ## take the picture of the dashboard that stands in the README (needs chromium)
	chromium --headless --no-sandbox --hide-scrollbars --virtual-time-budget=10000 --window-size=1280,1100 \
		--screenshot=docs/dashboard.png file://$(CURDIR)/$(BUILD)/report.html

COUNT ?= 6
# Every package is run once in each round, so that a floor and the whole beside it alternate:
# on a machine with other work, all floors first and all wholes then would compare two different hours.
BENCHED := ./parser ./enrich/... ./encode/... ./decode ./pipeline ./sink/firehose ./sink/kinesis ./sink/s3 ./functions/subscriber ./analytics/store ./dashboard
bench: build ## run the benchmarks in COUNT (6) rounds and print what benchstat makes of them
	@rm -rf $(BUILD)/bench && mkdir -p $(BUILD)/bench
	@for package in $$($(GO) list $(BENCHED)); do \
		folder=$${package#*/}; $(GO) test -c -o $(BUILD)/bench/$$(echo $$folder | tr / -).test ./$$folder || exit 1; \
	done
	@for round in $$(seq $(COUNT)); do \
		echo "round $$round of $(COUNT)" >&2; \
		for package in $$($(GO) list $(BENCHED)); do \
			folder=$${package#*/}; binary=$(CURDIR)/$(BUILD)/bench/$$(echo $$folder | tr / -).test; \
			test ! -x $$binary || (cd $$folder && $$binary -test.run '^$$' -test.bench . -test.benchmem) || touch $(BUILD)/bench/failed; \
		done; \
	done | tee $(BUILD)/bench.txt
	@.ci/tools
	$(TEST) -run '^$$' -bench 'File|Serve' -benchtime 3x ./dashboard/browsertest -clearhop $(CURDIR)/$(CLEARHOP)
	$(GO) run $(BENCHSTAT) $(BUILD)/bench.txt
	@test ! -e $(BUILD)/bench/failed || { echo "make bench: some benchmarks failed: see $(BUILD)/bench.txt" >&2; exit 1; }

# The lines that are made up for it, their events and the database are removed at the end:
# 2 GB for a million lines, 3 GB for ten million.
LINES  ?=
ROUNDS ?=
compare-report: build geoip $(BUILD)/duckdb ## measure clearhop report beside GoAccess and DuckDB on LINES (1000000) made-up lines, in ROUNDS (3)
	@.ci/tools
	@$(GO) build -o $(BUILD)/compare-report ./internal/tools/report
	@$(BUILD)/compare-report -lines $(or $(LINES),1000000) -rounds $(or $(ROUNDS),3) -clearhop $(CLEARHOP) -duckdb $(BUILD)/duckdb -country-db $(GEOIP)/country.mmdb -dir $(BUILD)/compare

$(BUILD)/duckdb: internal/tools/duckdb/main.go go.mod
	@$(GO) build -o $@ ./internal/tools/duckdb

# LOG is a log of your own, in combined, that is read in the place of the lines of the
# repository. PARTS and GROWTH are explained in internal/tools/compare. With OTEL=yes the
# OpenTelemetry collector is built too. Its builder would also get the modules that only
# tests need, which are not always there to be had, so go build gets them.
LOG    ?=
PARTS  ?= programs,growth,benchmarks,function,profile
GROWTH ?= 1000000
OTEL   ?= no
OTELCOL := $(BUILD)/otelcol/otelcol
OTEL_BUILDER := go.opentelemetry.io/collector/cmd/builder@v0.165.0
compare: build ## measure clearhop beside its peers on LINES (300000) lines, in ROUNDS (5), and write docs/performance.md
	@$(MAKE) --no-print-directory geoip $(BUILD)/duckdb -k || echo "make compare: going on without them" >&2
	@.ci/tools compare
	@cd internal/tools/compare/gonx && $(GO) build -o $(CURDIR)/$(BUILD)/gonx . || echo "make compare: going on without gonx" >&2
ifeq ($(OTEL),yes)
	@test -x $(OTELCOL) || { $(GO) run $(OTEL_BUILDER) --skip-get-modules --skip-compilation --config internal/tools/compare/otelcol.yaml && \
		cd $(BUILD)/otelcol && $(GO) build -mod=mod -o otelcol .; } || echo "make compare: going on without the collector" >&2
endif
	@mkdir -p $(BUILD)/subscriber
	@$(MAKE) --no-print-directory -s build-SubscriberFunction ARTIFACTS_DIR=$(BUILD)/subscriber LAMBDA_ARCH=$$($(GO) env GOHOSTARCH) LAMBDA_FLAGS= || \
		echo "make compare: going on without the function" >&2
	@$(GO) build -o $(BUILD)/compare-programs ./internal/tools/compare
	@$(BUILD)/compare-programs -lines $(or $(LINES),300000) -rounds $(or $(ROUNDS),5) -growth $(GROWTH) -parts $(PARTS) -log '$(LOG)' \
		-clearhop $(CLEARHOP) -bootstrap $(BUILD)/subscriber/bootstrap -gonx $(BUILD)/gonx -duckdb $(BUILD)/duckdb $(if $(filter yes,$(OTEL)),-collector $(OTELCOL)) \
		-country-db $(GEOIP)/country.mmdb -asn-db $(GEOIP)/asn.mmdb -dir $(BUILD)/compare

# PROFILE is the log that is read. Whoever reports a slow run can send the file.
PROFILE ?= $(BUILD)/profile.log
profile: build ## print where enrich spends its time on PROFILE, a log (the default is made)
	@test -e $(PROFILE) || $(GO) run ./internal/tools/compare -write payload -lines 300000 >$(PROFILE)
	$(CLEARHOP) enrich -q --cpuprofile $(BUILD)/enrich.pprof $(PROFILE) >/dev/null
	$(GO) tool pprof -top -nodecount 40 $(CLEARHOP) $(BUILD)/enrich.pprof

chain: ## run the two-hop chain with real nginx and HAProxy in every scenario (as root), and rewrite chain/testdata and docs/chain.md
	@.ci/tools newer
	$(TEST) -count 1 -run TestLive ./chain -record
	$(TEST) -count 1 -run 'TestRecorded|TestPage' ./chain -update
	$(TEST) -count 1 ./chain
	@sed -n '/generated: confusion/,/<!-- end/p' docs/chain.md | awk -F ' *[|] *' '/^[|]/ && $$3 != "---" { \
		gsub("<br>", ", "); gsub("`", ""); printf "%s, %s\n  seed      %s\n  clearhop  %s\n  json      %s\n  error     %s\n", $$2, $$3, $$4, $$5, $$6, $$7 }' | grep -v '^  [a-z]* *$$'

ORACLE_SEED ?= $(shell date +%s)
oracle: ## hold the parser, the walk, the resolver and the model of a hop to a real nginx, with random formats, headers and configurations (as root); ORACLE_SEED repeats a run
	@.ci/tools newer
	@mkdir -p $(BUILD)
	@status=0; \
	$(TEST) -count 1 -v -run 'TestOracle|TestNginx$$' ./parser -seed $(ORACLE_SEED) > $(BUILD)/oracle.txt || status=1; \
	$(TEST) -count 1 -v -run 'RealNginx' ./enrich/clientip -seed $(ORACLE_SEED) >> $(BUILD)/oracle.txt || status=1; \
	$(TEST) -count 1 -v -run 'TestPairs|TestMended' ./chain -seed $(ORACLE_SEED) -pairs 2000 -every >> $(BUILD)/oracle.txt || status=1; \
	grep -v '^=== ' $(BUILD)/oracle.txt; exit $$status

# CHAOS_SCHEDULES are of each of the six roads, and CHAOS_EACH is how many lines a schedule
# has, on average.
CHAOS_SCHEDULES ?= 250
CHAOS_EACH      ?= 700
chaos: ## send a million lines through simulated services of AWS that fail, and check that none is lost uncounted (10 to 20 minutes); CHAOS_SEED repeats one schedule
	$(TEST) -count 1 -v -run 'TestChaos$$' ./internal/chaos -schedules $(CHAOS_SCHEDULES) -each $(CHAOS_EACH) $(if $(CHAOS_SEED),-seed $(CHAOS_SEED))

athena: ## compare DuckDB with a real Trino, the engine of Athena (needs Maven and Java 24)
	@.ci/tools athena
	$(TEST) -p 1 -tags athena -count 1 -v -run TestTrinoAgrees ./analytics ./dashboard -trino $(CURDIR)/$(BUILD)/tools/trino

opensearch: ## give events to a real OpenSearch twice (needs Maven, Java 24, curl and jq)
	@.ci/tools opensearch
	$(TEST) -tags opensearch -count 1 -v -run '^TestOpenSearch$$' ./deploy

# FUZZTIME is how long each target runs: a duration such as 5m, or a number of inputs
# such as 10000x. FUZZ chooses targets by a regular expression, such as FuzzParse. An
# input that fails is written to testdata/fuzz of its package, where go test runs it
# from then on. The other targets still run, and make fails at the end.
FUZZTIME ?= 30s
FUZZ     ?= .
fuzz: ## run each fuzz target for FUZZTIME (30s), or only those that match FUZZ
	@failed=; ran=0; dirs=$$($(GO) list -f '{{.Dir}}' ./...) || exit 1; \
	for dir in $$dirs; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$dir/*_test.go 2>/dev/null | grep -E -- '$(FUZZ)'); do \
			echo "$$target in $$dir"; ran=$$((ran + 1)); \
			(cd $$dir && $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) .) || failed="$$failed\n  $$target in $$dir"; \
		done; \
	done; \
	if test $$ran = 0; then echo "make fuzz: no target matches $(FUZZ)" >&2; exit 1; fi; \
	if test -n "$$failed"; then printf "make fuzz: these of $$ran targets failed:$$failed\n" >&2; exit 1; fi; \
	echo "make fuzz: $$ran targets found nothing"

golden: ## rewrite golden files and generated documentation; read the diff
	$(TEST) -p 1 $$(grep -l '"clearhop/internal/golden"' $$(git ls-files '*_test.go') | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

picture: build ## draw docs/doctor.svg, the picture of the README, from what the doctor prints now
	$(GO) run ./internal/tools/picture $(CLEARHOP) docs/doctor.svg

SITE := $(BUILD)/tools/site
site: ## build the documentation as a site into build/site (needs python3-venv)
	@test -x $(SITE)/bin/mkdocs || { python3 -m venv $(SITE) && $(SITE)/bin/pip install --quiet -r deploy/site/requirements.txt; } || \
		{ echo "make $@ needs python3-venv and the packages of deploy/site/requirements.txt" >&2; exit 1; }
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict --quiet --config-file deploy/site/mkdocs.yml
	@echo "The site is in $(BUILD)/site. Open index.html there, also from the disk."

clean: ## remove what was built, the GeoIP databases included
	rm -rf $(BUILD) .cache

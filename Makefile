# `make check` is what a change must pass and needs only Go and gcc. CI runs it and also the README's first command, fuzz, compat, ollama and packages.
# Everything but the race detector builds without cgo.
export CGO_ENABLED = 0

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod

# What quarry version prints. Without git, as in an unpacked archive, commit and date stay empty.
VERSION ?= $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo dev))
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE    ?= $(shell TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: build changelog check check-linker check-notice fmt lint lint-workflows notice test test-novectors test-tools race cross compat fuzz bench bench-standin bench-ondemand bench-prep bench-scale bench-shards torture tidy run-kinds mutants wording budgets

build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/quarry ./cmd/quarry

.PHONY: pages install
# Manual pages and completion scripts, from the commands' help.
pages:
	$(GO) run ./packages/pages -version '$(VERSION)' -date '$(DATE)' bin/pages

# make install PREFIX=$$HOME/.local, or DESTDIR=… for a package.
PREFIX ?= /usr/local
share   = $(DESTDIR)$(PREFIX)/share
install: build pages
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(share)/man/man1' '$(share)/bash-completion/completions' '$(share)/zsh/site-functions' \
		'$(share)/fish/vendor_completions.d' '$(share)/doc/quarry' '$(share)/quarry/examples'
	install -m 755 bin/quarry '$(DESTDIR)$(PREFIX)/bin/quarry'
	install -m 644 bin/pages/man/*.1.gz '$(share)/man/man1/'
	install -m 644 bin/pages/completions/quarry.bash '$(share)/bash-completion/completions/quarry'
	install -m 644 bin/pages/completions/quarry.zsh '$(share)/zsh/site-functions/_quarry'
	install -m 644 bin/pages/completions/quarry.fish '$(share)/fish/vendor_completions.d/quarry.fish'
	install -m 644 LICENSE NOTICE README.md '$(share)/doc/quarry/'
	install -m 644 examples/articles.jsonl examples/ATTRIBUTION.md examples/quarry.yaml '$(share)/quarry/examples/'

.PHONY: first
# The README's first command, and what Go does meanwhile.
first:
	@tools/first

check: tidy fmt lint lint-workflows check-notice check-linker test test-tools test-novectors race cross

tidy:
	$(GO) mod tidy -diff

fmt:
	@out=$$($(TOOL) gofumpt -l $$(git ls-files -co --exclude-standard '*.go')); if [ -n "$$out" ]; then echo "not formatted (gofumpt -w):"; echo "$$out"; exit 1; fi

lint:
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run --allow-parallel-runners ./...

# The form of GitHub's workflows. Not in tools/go.mod: golangci-lint needs a later go.yaml.in/yaml/v4 than actionlint builds with.
lint-workflows:
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes=

# NOTICE names the modules that are linked into the program, with their licences.
notice:
	$(GO) run -C tools ./notice

check-notice:
	$(GO) run -C tools ./notice -check

# The linker must be able to drop methods (docs/adr/0011): it names what looks them up.
check-linker:
	@found=$$($(GO) build -ldflags=-dumpdep -o /dev/null ./cmd/quarry 2>&1 | grep -m 3 '<ReflectMethod>'); \
	if [ -n "$$found" ]; then echo "methods are looked up by name, so the linker keeps all of them:"; echo "$$found"; exit 1; fi

test:
	$(GO) test -timeout 25m ./...

test-tools:
	$(GO) test -C tools -count=1 ./changelog ./notice ./rename ./wording ./mutants

# The same texts without the processor's vectors, as on one that has none.
test-novectors:
	GODEBUG=cpu.avx2=off $(GO) test ./internal/base/simd ./internal/base/jsonl ./internal/prepare/clean/...

# The race detector needs cgo and gcc.
race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...

cross:
	@set -e; for t in $(TARGETS); do echo "cross $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -trimpath -o /dev/null ./cmd/quarry; done

# Real clients against the stand-in: the npm SDKs, and the AWS CLI and boto3 where they know Bedrock.
compat: build
	compat/run bin/quarry

# Every fuzz target, FUZZTIME each.
FUZZTIME ?= 60s
fuzz:
	@.ci/fuzz $(FUZZTIME)

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Article preparation compared with the Python script that does it by hand, process against process (Debian: python3-bs4).
# ARTICLES is JSONL compressed with zstd: id, title, content, format.
ARTICLES ?= $(or $(QUARRY_DATA),../shared/data)/articles.jsonl.zst
bench-prep: build
	@/usr/bin/python3 -c 'import bs4' 2>/dev/null || { apt-get update -q >/dev/null && apt-get install -y -q python3-bs4 >/dev/null; }
	$(GO) run -C tools ./bench-prep -quarry '$(CURDIR)/bin/quarry' -articles '$(abspath $(ARTICLES))'

# The stand-in as a client of a backend, beside a bare HTTP client.
bench-standin: build
	$(GO) run -C tools ./bench-standin $(CURDIR)/bin/quarry

# Paced on-demand calls compared with a fixed number in flight, with the quota halved half-way. Takes 12 minutes; fails where a gate is missed.
bench-ondemand: build
	$(GO) run -C tools ./bench-ondemand -quarry '$(CURDIR)/bin/quarry'

# The whole job over ever more documents: time, memory, bytes kept, resuming. DOCUMENTS=1000000 takes 10 GB of disk. BEFORE=PROGRAM measures
# another build in the same run.
DOCUMENTS ?= 10000,100000,1000000
bench-scale: build
	$(GO) run -C tools ./bench-scale -quarry '$(CURDIR)/bin/quarry' -articles '$(abspath $(ARTICLES))' -n $(DOCUMENTS) $(if $(BEFORE),-before '$(abspath $(BEFORE))')

# What one more shard costs, in runs of ever more shards. FLAGS are added to `quarry run`, such as a cap. SHARDS=20000 takes 20 minutes.
SHARDS ?= 500,2000,20000
bench-shards: build
	$(GO) run -C tools ./bench-shards -quarry '$(CURDIR)/bin/quarry' -n $(SHARDS) $(if $(BEFORE),-before '$(abspath $(BEFORE))') $(if $(FLAGS),-- $(FLAGS))

# Dies at every effect, and kills the real binary at random moments. Long.
TORTURE := TestResumeAfterCrash|TestACrashWithTwoPools|TestAdoptAfterTheDirectoryIsLost|TestDeliveredFiles|TestSurvivesKill
TORTURE := $(TORTURE)|TestDeathWhileAnIncrement|TestAnotherRegion|TestAnotherDirectory|TestNoNumberOfAnAttempt
torture:
	$(GO) test -run '$(TORTURE)' -timeout 2h ./internal/run ./cmd/quarry -full

# Twenty kinds of run with the working tree and with a commit before it: what they leave must be the same, byte by byte.
run-kinds:
	$(GO) run -C tools ./run-kinds

# Breaks one line of the program at a time: its tests must notice.
mutants:
	$(GO) run -C tools ./mutants

.PHONY: snapshot check-packages rename
# Everything that a release has, in dist/, without a tag: make snapshot TARGET="linux amd64" for one target. Needs minisign.
snapshot:
	packages/snapshot $(TARGET)

# Installs and uses what a snapshot built. Needs root and Debian.
check-packages:
	packages/check dist

# Gives the module another path, for the day the project has a public home: make rename MODULE=example.org/x/quarry
rename:
	$(GO) run -C tools ./rename '$(MODULE)'

# Moves changelog/unreleased/ to the section of a version in CHANGELOG.md: make changelog VERSION=0.1.0
changelog:
	$(GO) run -C tools ./changelog '$(VERSION)'

# Counts words that docs, messages and comments do without. WORDING=-v prints each place.
wording:
	@$(GO) run -C tools ./wording $(WORDING)

# Sizes of types, packages and the program next to their budgets. BUDGETS=-build adds a build with empty caches, BUDGETS=-test the tests.
budgets:
	@$(GO) run -C tools ./budgets $(BUDGETS)

# `make` alone lists the targets. Everything here also works by hand: README.md has the plain commands.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
CHECKED := access audit benchmarks casework families flows funds jobs tests manage.py

# Started by `make test-services` where nothing else is said.
SERVICES_DATABASE_URL := $(or $(DATABASE_URL),postgres://postgres@127.0.0.1:5432/postgres)
SERVICES_BROKER_URL := $(or $(CELERY_BROKER_URL),amqp://guest:guest@127.0.0.1:5672//)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: setup
setup: $(VENV)/.installed $(MESSAGES) ## install everything into .venv (again only when requirements.txt changed)

.PHONY: run
run: setup ## start everything and print the address; an empty embedded database gets the demo
	@exec $(RUN) manage.py serve $(if $(DATABASE_URL),,--demo)

.PHONY: test
test: $(VENV)/.installed-dev $(MESSAGES) ## lint, then all tests against the embedded database
	@scripts/browser.sh
	@$(MAKE) --no-print-directory check
	@scripts/test.sh

.PHONY: test-services
test-services: $(VENV)/.installed-dev $(MESSAGES) ## tests against a PostgreSQL server and a broker that run already
	@DATABASE_URL="$(SERVICES_DATABASE_URL)" CELERY_BROKER_URL="$(SERVICES_BROKER_URL)" scripts/test_services.sh

.PHONY: check
check: $(VENV)/.installed-dev ## lint: style, direction of imports, missing migrations
	@scripts/check.sh $(CHECKED)

.PHONY: audit-deps
audit-deps: $(VENV)/.installed-dev ## known holes in what we build on; says so where the advisory database is out of reach
	@scripts/audit_dependencies.sh requirements.txt requirements-dev.txt

.PHONY: bench
bench: $(VENV)/.installed $(MESSAGES) ## measure the usual work against hand-written SQL, in scratch databases
	@$(RUN) manage.py db start
	@for work in act queue import verify payments pack; do $(RUN) manage.py bench $$work || exit 1; done

.PHONY: torture
torture: $(VENV)/.installed-dev $(MESSAGES) ## hold the money to its promises for hours: TORTURE="--minutes 60 --seed 7"
	@scripts/torture.sh $(TORTURE)

.PHONY: messages
messages: $(VENV)/.installed ## collect new texts into locale/en, to be translated there (needs GNU gettext)
	@command -v xgettext >/dev/null || { echo "xgettext is missing. On Debian: apt-get install gettext"; exit 1; }
	$(RUN) manage.py makemessages --locale en --no-location --no-wrap --ignore "$(VENV)" --ignore data --ignore tests
	@$(MAKE) --no-print-directory setup

.PHONY: clean
clean: ## remove .venv and what can be made again; data/ stays
	rm -rf $(VENV) test-results .pytest_cache .ruff_cache .import_linter_cache .hypothesis $(MESSAGES)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements.txt
	@scripts/install.sh "$(PYTHON)" $(VENV) requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@scripts/install.sh "$(PYTHON)" $(VENV) requirements-dev.txt
	@touch $@

%.mo: %.po | $(VENV)/.installed
	@$(RUN) -m babel.messages.frontend --quiet compile --domain django --input-file $< --output-file $@

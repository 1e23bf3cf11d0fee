# What people type. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PIPELINE ?= environment

.PHONY: help run demo test torture bench lint generate image cluster cluster-down env

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run a pipeline on this machine, without Kubernetes (PIPELINE=environment, or any file; ARGS="--for 30s")
	@scripts/run.sh $(PIPELINE) $(ARGS)

demo: ## Run a pipeline end to end on a local Kubernetes (PIPELINE=environment, or any file under examples/)
	@scripts/demo.sh $(PIPELINE)

test: ## Run every test, on a real Kubernetes, Kafka, PostgreSQL and S3
	@scripts/test.sh

torture: ## Run the fault tests at full length
	@scripts/test.sh --torture

bench: ## Measure against Spark, Flink and Kafka Streams, side by side (an hour; bench/run has parts of it)
	@bench/run --record $(ARGS)

lint: ## Check format, lints, the chart and the alerts
	@scripts/lint.sh

generate: ## Write what is derived from the code: the CRD, dashboards, docs/metrics.md
	@scripts/generate.sh

image: ## Build the images as archives under target/images
	@scripts/images.sh

cluster: ## Start a local Kubernetes with Kafka and PostgreSQL in it
	@cluster/up.sh

cluster-down: ## Remove every trace of it
	@cluster/down.sh

env: ## Print what a shell needs to reach it: eval "$$(make -s env)"
	@cluster/env.sh

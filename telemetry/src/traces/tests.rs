use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SpanData};
use tracing::{debug_span, field::Empty, subscriber::with_default};
use tracing_subscriber::prelude::*;

use super::*;

/// What is sent while `work` is done, of which so many traces are kept.
fn sent(kept: Sampler, work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(kept)
        .build();
    let traces = Traces(Some(provider));
    with_default(tracing_subscriber::registry().with(traces.layer()), work);
    exporter.get_finished_spans().unwrap()
}

#[test]
fn a_trace_goes_on_where_its_context_says() {
    let spans = sent(Sampler::AlwaysOn, || {
        let send = debug_span!(target: "sensorstream_test", "send", otel.kind = "producer");
        let context = context_of(&send).unwrap();
        drop(send);
        let process = debug_span!(target: "sensorstream_test", "process", otel.kind = "consumer");
        Parent::of(context.as_bytes()).unwrap().take(&process);
        drop(process);
    });
    let [send, process] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(process.parent_span_id, send.span_context.span_id());
    assert_eq!(
        process.span_context.trace_id(),
        send.span_context.trace_id()
    );
    assert_eq!(process.span_kind, SpanKind::Consumer);
}

#[test]
fn what_is_not_kept_travels_with_no_context() {
    let spans = sent(Sampler::AlwaysOff, || {
        let send = debug_span!(target: "sensorstream_test", "send");
        assert_eq!(context_of(&send), None);
    });
    assert!(spans.is_empty());
}

#[test]
fn a_context_that_makes_no_sense_or_is_not_kept_is_none() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    assert!(Parent::of(format!("00-{trace}-01").as_bytes()).is_some());
    assert!(Parent::of(format!("00-{trace}-00").as_bytes()).is_none());
    for nonsense in [&b"00-xyz"[..], b"\xff", b""] {
        assert!(Parent::of(nonsense).is_none());
    }
}

#[test]
fn a_span_of_something_that_failed_says_so() {
    let spans = sent(Sampler::AlwaysOn, || {
        let span = debug_span!(
            target: "sensorstream_test",
            "send",
            otel.status_code = Empty,
            otel.status_description = Empty
        );
        failed(&span, &"no broker");
    });
    assert_eq!(spans[0].status, Status::error("no broker"));
}

#[test]
fn spans_of_libraries_are_left_out() {
    let spans = sent(Sampler::AlwaysOn, || {
        drop(debug_span!(target: "kube_client", "request"));
        drop(debug_span!(target: "sensorstream_test", "ours"));
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["ours"]);
}

#[test]
fn a_span_links_to_another_trace() {
    let spans = sent(Sampler::AlwaysOn, || {
        let record = debug_span!(target: "sensorstream_test", "process");
        let batch = debug_span!(target: "sensorstream_test", "batch");
        link(&batch, &record);
    });
    let batch = spans.iter().find(|span| span.name == "batch").unwrap();
    let record = spans.iter().find(|span| span.name == "process").unwrap();
    assert_eq!(batch.links.links[0].span_context, record.span_context);
}

#[test]
fn nobody_makes_spans_that_nobody_sends() {
    let logs =
        tracing_subscriber::fmt::layer().with_filter(tracing_subscriber::EnvFilter::new("info"));
    let none = Traces(None);
    with_default(
        tracing_subscriber::registry().with(logs).with(none.layer()),
        || {
            assert!(debug_span!(target: "sensorstream_test", "batch").is_disabled());
        },
    );
}

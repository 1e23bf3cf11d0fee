// What the operator writes of a pipeline that works, that starts, or one of whose sinks is blocked.

export function conditions(since, flowing, blocked) {
  const lastTransitionTime = new Date(since).toISOString();
  const yes = (type, reason, message = "") => ({ type, status: "True", reason, message, lastTransitionTime });
  const no = (type, reason, message) => ({ ...yes(type, reason, message), status: "False" });
  return [
    blocked ? no("Ready", "SinkBlocked", "a sink does not take what it is given") : yes("Ready", "Ready"),
    yes("SpecValid", "Valid"),
    yes("TopicsReady", "AsDeclared"),
    yes("TablesReady", "AsDeclared"),
    yes("ProducerReady", "Available"),
    yes("ProcessorReady", "Available"),
    yes("ApiReady", "Available"),
    flowing
      ? yes("DataFlowing", "Committing")
      : no("DataFlowing", "NoReadingsYet", "no reading has been committed yet"),
    no("Stopped", "Running", ""),
    ...(blocked ? [yes("SinkBlocked", "DatabaseUnreachable", "connection refused")] : []),
  ];
}

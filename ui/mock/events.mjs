// Server-sent events of a simulation.

const HEALTH_EVERY = 2000;
const MOST_READINGS = 1000;

export function stream(simulation, request, response, key) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 2000\n\n");
  let seen = resumeFrom(request.headers["last-event-id"], simulation);

  const send = (event, data) =>
    response.write(`id: ${seen}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

  const sendNew = () => {
    const fresh = (entries) => entries.filter(({ sequence }) => sequence > seen).map(({ value }) => value);
    const { input } = simulation.example.pipeline;
    const ofKey = (reading) => key === null || String(reading[input.key]) === key;
    const readings = fresh(newest(simulation.readings)).filter(ofKey);
    const alerts = fresh(simulation.alerts).filter(({ alert }) => ofKey(alert.reading));
    const letters = fresh(simulation.deadLetters);
    seen = simulation.sequence;
    if (readings.length > 0) send("readings", { readings: readings.slice(-MOST_READINGS), skipped: false });
    if (alerts.length > 0) send("alerts", alerts);
    if (letters.length > 0) send("dead-letters", letters);
  };

  send("health", simulation.health());
  simulation.listeners.add(sendNew);
  const timer = setInterval(() => send("health", simulation.health()), HEALTH_EVERY);
  request.on("close", () => {
    clearInterval(timer);
    simulation.listeners.delete(sendNew);
  });
}

function newest(readings) {
  return readings.slice(-2 * MOST_READINGS);
}

function resumeFrom(lastEventId, { sequence }) {
  const id = Number(lastEventId ?? NaN);
  return Number.isInteger(id) && id <= sequence ? id : sequence;
}

// Serves a made-up pipeline's API, and the built page with the policy that it must work under.
//
//   npm run mock -- factory --port 4300 --keys 1000 --rate 1000

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { answer, Refusal } from "./api.mjs";
import { stream } from "./events.mjs";
import { EXAMPLES } from "./pipelines.mjs";
import { Simulation } from "./simulation.mjs";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const DIST = fileURLToPath(new URL("../dist", import.meta.url));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "4300" },
    keys: { type: "string" },
    rate: { type: "string" },
    // Seconds of readings from before the start.
    past: { type: "string", default: "600" },
    // A token that requests must bear.
    token: { type: "string" },
    // No stream of events, so that the page polls.
    "no-events": { type: "boolean", default: false },
    // A sink that does not take what it is given.
    blocked: { type: "boolean", default: false },
  },
});

const [name = "environment"] = positionals;
const example = EXAMPLES[name];
if (!example) throw new Error(`no example ${name}; there are ${Object.keys(EXAMPLES).join(", ")}`);

const simulation = new Simulation(example, {
  keys: Number(options.keys ?? example.keys),
  rate: Number(options.rate ?? example.rate),
  past: Number(options.past),
  blocked: options.blocked,
});
simulation.start();

const server = createServer((request, response) => {
  respond(request, response).catch((error) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(Number(options.port), () => console.log(`${name}: http://localhost:${options.port}/`));

async function respond(request, response) {
  const url = new URL(request.url ?? "/", "http://localhost");
  try {
    if (await sendFile(url.pathname, response)) return;
    authorize(request);
    if (url.pathname === "/events" && !options["no-events"]) {
      return stream(simulation, request, response, url.searchParams.get("key"));
    }
    const found = answer(simulation, url);
    if (!found) throw new Refusal(404, "Not found", `There is nothing at ${url.pathname}`);
    const link = found.next ? { Link: `<${found.next}>; rel="next"` } : {};
    send(response, 200, "application/json", found.data, link);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, title, detail, headers } = error;
    send(response, status, "application/problem+json", { title, status, detail }, headers);
  }
}

function authorize({ headers }) {
  if (options.token === undefined || headers.authorization === `Bearer ${options.token}`) return;
  throw new Refusal(401, "Unauthorized", "A bearer token is wanted", { "WWW-Authenticate": "Bearer" });
}

function send(response, status, type, data, headers = {}) {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store", ...headers });
  response.end(JSON.stringify(data));
}

async function sendFile(path, response) {
  const file = path === "/" ? "/index.html" : normalize(path);
  const type = TYPES[extname(file)];
  if (!type || file.includes("..")) return false;
  try {
    const content = await readFile(join(DIST, file));
    response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": POLICY });
    response.end(content);
    return true;
  } catch {
    return false;
  }
}

// What the mock can serve: the pipelines of the repository's examples.

import { environment } from "./examples/environment.mjs";
import { factory } from "./examples/factory.mjs";
import { clickstream } from "./examples/clickstream.mjs";
import { heartbeat } from "./examples/heartbeat.mjs";

export const EXAMPLES = { environment, factory, clickstream, heartbeat };

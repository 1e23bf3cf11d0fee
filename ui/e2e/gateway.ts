import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * The way from this machine to the pipelines' APIs: Kubernetes' own proxy. It puts a prefix before every path,
 * as an Ingress may. While it is stopped, the APIs are out of reach.
 */
export class Gateway {
  private process: ChildProcess | null = null;
  private port = 0;

  constructor(private readonly namespace: string) {}

  /** Starts it, at the same address as before. */
  async start(): Promise<void> {
    const child = spawn("kubectl", ["proxy", `--port=${this.port}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /:(\d+)$/.exec(line)?.[1];
      if (port) {
        this.port = Number(port);
        return;
      }
    }
    throw new Error("kubectl proxy ended before it served");
  }

  async stop(): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child?.exitCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
  }

  /** Where the web dashboard of a pipeline is. */
  dashboard(pipeline: string): string {
    return `http://127.0.0.1:${this.port}/api/v1/namespaces/${this.namespace}/services/${pipeline}-api:http/proxy/`;
  }
}

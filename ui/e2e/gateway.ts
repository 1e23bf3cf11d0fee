import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A kubectl that serves at a port of this machine until it is stopped. */
export class Serving {
  private constructor(
    private readonly process: ChildProcess,
    readonly port: number,
  ) {}

  /** Starts it, and waits until it serves. */
  static async start(...args: string[]): Promise<Serving> {
    const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port) return new Serving(child, Number(port));
    }
    throw new Error(`kubectl ${args.join(" ")} ended before it served`);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill();
    await ended;
  }
}

/**
 * The way from this machine to the pipelines' APIs: Kubernetes' own proxy. It puts a prefix before every path,
 * as an Ingress may. While it is stopped, the APIs are out of reach.
 */
export class Gateway {
  private proxy: Serving | null = null;
  private port = 0;

  constructor(readonly namespace: string) {}

  /** Starts it, at the same address as before. */
  async start(): Promise<void> {
    this.proxy = await Serving.start("proxy", `--port=${this.port}`);
    this.port = this.proxy.port;
  }

  async stop(): Promise<void> {
    await this.proxy?.stop();
    this.proxy = null;
  }

  /** Where the web dashboard of a pipeline is. */
  dashboard(pipeline: string): string {
    return `http://127.0.0.1:${this.port}/api/v1/namespaces/${this.namespace}/services/${pipeline}-api:http/proxy/`;
  }
}

// @vitest-environment jsdom
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "./App";
import { ApiError } from "./api/client";
import { RECONNECT_AFTER } from "./live/feed";
import { problem, UNREACHABLE } from "./testing/api";
import { fakeDashboard } from "./testing/dashboard";
import { deadLetter, health, minutes, NOON, pipeline, reading } from "./testing/fixtures";

type Fakes = ReturnType<typeof fakeDashboard>;

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

async function opened({ dashboard, streams }: Fakes): Promise<void> {
  render(<App dashboard={dashboard} />);
  dashboard.start();
  await pass(0);
  act(() => streams.works());
  await pass(0);
}

function card(name: string): HTMLElement {
  const found = screen.getAllByText(name, { selector: "dt" })[0]?.closest("div");
  if (!found) throw new Error(`no card ${name}`);
  return found;
}

describe("App", () => {
  let fakes: Fakes;

  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
    location.hash = "";
    fakes = fakeDashboard();
    fakes.api.answers.set("keys", [reading("a", -1, 21)]);
    fakes.api.answers.set("history", [reading("a", -2, 20), reading("a", -1, 21, 50)]);
  });

  it("shows that it is loading, and then current values, charts and the flow", async () => {
    render(<App dashboard={fakes.dashboard} />);
    expect(screen.getByRole("status").textContent).toContain("Loading");
    fakes.dashboard.start();
    await pass(0);
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("test");
    expect(screen.getByText("Loading readings…")).toBeTruthy();
    act(() => fakes.streams.works());
    await pass(0);
    expect(card("Temperature").textContent).toContain("21.00");
    expect(within(card("Temperature")).getByText("rising")).toBeTruthy();
    expect(within(card("Humidity")).getByText("unchanged")).toBeTruthy();
    const charts = screen.getAllByRole("heading", { level: 3 }).map(({ textContent }) => textContent);
    expect(charts).toEqual(["Temperature", "Humidity", "Temperature and humidity"]);
    expect(screen.getByRole("img", { name: /^Temperature, 2 points/ })).toBeTruthy();
    expect(screen.getByText("10 records/s")).toBeTruthy();
  });

  it("shows readings as they come", async () => {
    await opened(fakes);
    act(() => fakes.streams.current.handlers.readings([reading("a", 0, 19.5)]));
    expect(card("Temperature").textContent).toContain("19.50");
    expect(within(card("Temperature")).getByText("falling")).toBeTruthy();
    expect(screen.getByText("Live by events")).toBeTruthy();
  });

  it("says what to do when there are no readings", async () => {
    fakes.api.answers.set("keys", []);
    fakes.api.answers.set("pipeline", pipeline({ simulated: false }));
    await opened(fakes);
    expect(screen.getByText("No readings yet")).toBeTruthy();
    expect(screen.getByText(/Write readings to the topic readings/)).toBeTruthy();
  });

  it("says when a reading has become stale", async () => {
    await opened(fakes);
    expect(screen.queryByText(/stale/)).toBeNull();
    await pass(31_000);
    expect(screen.getByText(/32 s ago · stale/)).toBeTruthy();
  });

  it("tells why the pipeline can't be shown, and goes on by itself", async () => {
    fakes.api.down = new ApiError(problem(503, "the database is away"));
    render(<App dashboard={fakes.dashboard} />);
    fakes.dashboard.start();
    await pass(0);
    expect(screen.getByRole("alert").textContent).toContain("the database is away");
    fakes.api.down = null;
    await pass(1000);
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("test");
  });

  it("tells why readings can't be read, beside what it has", async () => {
    fakes.api.answers.set("history", new ApiError(problem(504, "took too long")));
    await opened(fakes);
    expect(screen.getByRole("alert").textContent).toContain("took too long");
    expect(card("Temperature").textContent).toContain("21.00");
  });

  it("keeps what it shows when the API goes away, and says since when", async () => {
    await opened(fakes);
    fakes.api.down = UNREACHABLE;
    for (let breaks = 0; breaks < 3; breaks++) {
      act(() => fakes.streams.breaks());
      await pass(RECONNECT_AFTER);
    }
    expect(screen.getByRole("alert").textContent).toContain(
      "Can’t reach the API since 12:00:00 – trying again",
    );
    expect(card("Temperature").textContent).toContain("21.00");
    fakes.api.down = null;
    await pass(5000);
    act(() => fakes.streams.works());
    expect(screen.queryByRole("alert")).toBeNull();
    expect(screen.getByText("Live by events")).toBeTruthy();
  });

  it("asks for a token and goes on with it", async () => {
    fakes.api.down = new ApiError(problem(401));
    render(<App dashboard={fakes.dashboard} />);
    fakes.dashboard.start();
    await pass(0);
    fakes.api.down = null;
    fireEvent.change(screen.getByLabelText("Token"), { target: { value: " s3cret " } });
    fireEvent.click(screen.getByRole("button", { name: "Show the dashboard" }));
    await pass(0);
    expect(fakes.dashboard.preferences.token.get()).toBe("s3cret");
    expect(location.href).not.toContain("s3cret");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("test");
  });

  it("has windows instead of readings when there is no table", async () => {
    fakes.api.answers.set("pipeline", pipeline({ table: null, windows: [minutes] }));
    fakes.api.answers.set("windows/device_minutes", [
      {
        window_start: "2026-03-01T11:59:00Z",
        window_end: "2026-03-01T12:00:00Z",
        device: "a",
        readings: 60,
        avg_temperature: 21.25,
      },
    ]);
    await opened(fakes);
    expect(screen.queryByRole("heading", { name: "Readings" })).toBeNull();
    const rows = within(screen.getByRole("region", { name: "Rows of device_minutes" })).getAllByRole("row");
    expect(rows[1]?.textContent).toBe("11:59:0012:00:00a6021.25");
  });

  it("keeps the selected key in the address, and follows the address", async () => {
    fakes.api.answers.set("keys", [reading("a", -1), reading("b", -1)]);
    await opened(fakes);
    fireEvent.click(screen.getByRole("button", { name: "b" }));
    await pass(0);
    expect(location.hash).toBe("#key=b");
    expect(fakes.streams.current.key).toBe("b");
    location.hash = "#key=a";
    act(() => void window.dispatchEvent(new HashChangeEvent("hashchange")));
    await pass(0);
    expect(fakes.streams.current.key).toBe("a");
    fireEvent.click(screen.getByRole("button", { name: "Show all devices" }));
    await pass(0);
    expect(location.hash).toBe("");
    expect(fakes.streams.current.key).toBeNull();
  });

  it("shows conditions, worst first, and the accounts", async () => {
    const since = "2026-03-01T11:00:00Z";
    fakes.api.answers.set(
      "health",
      health({
        conditions: [
          { type: "Ready", status: "True", reason: "Ready", message: "", lastTransitionTime: since },
          {
            type: "DataLoss",
            status: "True",
            reason: "Expired",
            message: "4 records",
            lastTransitionTime: since,
          },
        ],
      }),
    );
    await opened(fakes);
    const [first] = screen.getAllByText(/ is True$/);
    expect(first?.textContent).toBe("DataLoss is True");
    expect(screen.getByText("2 Malformed")).toBeTruthy();
    expect(screen.getByText("of 2, 1 not met")).toBeTruthy();
  });

  it("shows dead letters with what is left of them", async () => {
    fakes.api.answers.set("dead-letters", [
      deadLetter("1"),
      deadLetter("2", { encoding: "hex", payload: "fffe00", reason: "NotText" }),
    ]);
    await opened(fakes);
    expect(screen.getByText('{"temperature": "warm"}')).toBeTruthy();
    expect(screen.getByText("Not text: shown as hexadecimal.")).toBeTruthy();
    expect(screen.getAllByText(/readings 1\/42/)).toHaveLength(2);
  });
});

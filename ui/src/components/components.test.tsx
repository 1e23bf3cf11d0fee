// @vitest-environment jsdom
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ChartCard } from "../charts/ChartCard";
import { DashboardContext, FeedContext } from "../live/context";
import { Feed } from "../live/feed";
import { LatestByKey } from "../model/latest";
import { fakeDashboard } from "../testing/dashboard";
import { alert, NOON, pipeline, reading, shape } from "../testing/fixtures";
import { Announcer, ANNOUNCE_EVERY } from "./alerts/Announcer";
import type { Entry } from "../model/journal";
import { Journal } from "./Journal";
import { KeyFilter } from "./readings/KeyFilter";
import { KeyTable } from "./readings/KeyTable";

describe("KeyFilter", () => {
  const keys = Array.from({ length: 200 }, (_, at) => `m-${String(at).padStart(3, "0")}`);

  function filter(selected: string | null = null) {
    const onSelect = vi.fn<(key: string | null) => void>();
    render(<KeyFilter keys={keys} noun="motor" selected={selected} onSelect={onSelect} />);
    const input = screen.getByRole("combobox", { name: "motor" });
    fireEvent.click(input);
    return { input, onSelect, options: () => screen.queryAllByRole("option").map((one) => one.textContent) };
  }

  it("offers all, and as many keys as can be read", () => {
    const { options } = filter();
    expect(options().slice(0, 2)).toEqual(["All 200 motors", "m-000"]);
    expect(options()).toHaveLength(51);
    expect(screen.getByText("150 more – type to narrow")).toBeTruthy();
  });

  it("narrows by what is typed, and selects with the keyboard", () => {
    const { input, onSelect, options } = filter();
    fireEvent.change(input, { target: { value: "19" } });
    expect(options()[0]).toBe("m-019");
    fireEvent.keyDown(input, { key: "ArrowDown" });
    expect(input.getAttribute("aria-activedescendant")).toBe(screen.getAllByRole("option")[1]?.id);
    fireEvent.keyDown(input, { key: "Enter" });
    expect(onSelect).toHaveBeenCalledWith("m-119");
    expect(options()).toEqual([]);
  });

  it("closes without selecting", () => {
    const { input, onSelect, options } = filter();
    fireEvent.keyDown(input, { key: "Escape" });
    expect(options()).toEqual([]);
    expect(onSelect).not.toHaveBeenCalled();
  });

  it("says when there is nothing like it", () => {
    const { input } = filter();
    fireEvent.change(input, { target: { value: "nothing" } });
    expect(screen.getByText("No motor like this")).toBeTruthy();
  });

  it("goes back to all", () => {
    const { onSelect } = filter("m-001");
    fireEvent.click(screen.getByRole("button", { name: "Show all motors" }));
    expect(onSelect).toHaveBeenCalledWith(null);
  });
});

describe("with a feed", () => {
  const { api, streams, dashboard } = fakeDashboard();
  const feed = new Feed({
    pipeline: pipeline(),
    client: api.client,
    openEvents: streams.open,
    schedule: (flush) => flush(),
    now: () => NOON,
    selected: null,
    limit: 10,
  });

  function show(content: React.ReactNode) {
    render(
      <DashboardContext value={dashboard}>
        <FeedContext value={feed}>{content}</FeedContext>
      </DashboardContext>,
    );
  }

  describe("ChartCard", () => {
    it("is a picture with a text, or a table, newest first", () => {
      const values = [20, 22, 21];
      const times = values.map((_, at) => NOON + at * 1000);
      show(
        <ChartCard
          title="Temperature"
          data={{
            times,
            series: [{ label: "Temperature", type: "double", values, style: "line", axis: "left" }],
          }}
        />,
      );
      expect(screen.getByRole("img").getAttribute("aria-label")).toContain("least 20.00, greatest 22.00");
      fireEvent.click(screen.getByRole("button", { name: "Table of Temperature" }));
      expect(screen.queryByRole("img")).toBeNull();
      const rows = within(screen.getByRole("table")).getAllByRole("row");
      expect(rows.map(({ textContent }) => textContent)).toEqual([
        "TimeTemperature",
        "12:00:0221.00",
        "12:00:0122.00",
        "12:00:0020.00",
      ]);
    });
  });

  describe("KeyTable", () => {
    const latest = new LatestByKey(shape);
    for (let at = 0; at < 1000; at++) latest.add(reading(`m-${String(at).padStart(4, "0")}`, 0, at));

    function table() {
      const onSelect = vi.fn<(key: string) => void>();
      show(<KeyTable latest={latest.all()} caption="Motors" onSelect={onSelect} />);
      return { onSelect, keys: () => screen.getAllByRole("rowheader").map(({ textContent }) => textContent) };
    }

    it("renders only rows in sight, and tells how many there are", () => {
      const { keys } = table();
      expect(keys().length).toBeLessThan(40);
      expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("1001");
    });

    it("sorts by a column, greatest first, and back", () => {
      const { keys } = table();
      const sort = screen.getByRole("button", { name: /^Temperature/ });
      fireEvent.click(sort);
      expect(keys()[0]).toBe("m-0999");
      expect(screen.getByRole("columnheader", { name: /^Temperature/ }).getAttribute("aria-sort")).toBe(
        "descending",
      );
      fireEvent.click(sort);
      expect(keys()[0]).toBe("m-0000");
    });

    it("is one tab stop; arrows go from row to row, as far as the last", () => {
      const { keys } = table();
      const stops = () =>
        screen
          .getAllByRole("button")
          .filter((one) => one.classList.contains("key-button") && one.tabIndex === 0);
      expect(stops()).toHaveLength(1);
      const first = screen.getByRole("button", { name: "m-0006" });
      first.focus();
      fireEvent.keyDown(first, { key: "End" });
      expect(document.activeElement?.textContent).toBe("m-0999");
      expect(keys()).toContain("m-0999");
      expect(stops()).toHaveLength(1);
    });

    it("selects a row", () => {
      const { onSelect } = table();
      fireEvent.click(screen.getByRole("button", { name: "m-0003" }));
      expect(onSelect).toHaveBeenCalledExactlyOnceWith("m-0003");
    });
  });
});

describe("Journal", () => {
  const list = (...ids: string[]) => ids.map((id) => ({ id, at: "2026-03-01T12:00:00Z" }));
  const show = (entries: Entry[]) => (
    <Journal entries={entries}>{({ id }) => <li key={id}>{id}</li>}</Journal>
  );
  const items = () => screen.getAllByRole("listitem").map(({ textContent }) => textContent);

  it("holds still while someone reads, and says what waits", () => {
    const { rerender, container } = render(show(list("b", "a")));
    const journal = container.querySelector(".journal");
    if (!journal) throw new Error("no journal");
    fireEvent.pointerEnter(journal);
    rerender(show(list("d", "c", "b", "a")));
    expect(items()).toEqual(["b", "a"]);
    expect(screen.getByText("Held still while you read; 2 newer")).toBeTruthy();
    fireEvent.pointerLeave(journal);
    expect(items()).toEqual(["d", "c", "b", "a"]);
  });

  it("shows the newest, and more when asked", () => {
    render(show(list(...Array.from({ length: 30 }, (_, at) => String(at)))));
    expect(items()).toHaveLength(20);
    fireEvent.click(screen.getByRole("button", { name: "Show more" }));
    expect(items()).toHaveLength(30);
  });
});

describe("Announcer", () => {
  beforeEach(() => vi.useFakeTimers());

  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

  it("tells of new alerts together, and not of those from before", async () => {
    const { rerender } = render(<Announcer alerts={[alert("1", 1)]} ready />);
    await pass(ANNOUNCE_EVERY);
    expect(screen.getByRole("status").textContent).toBe("");
    rerender(<Announcer alerts={[alert("2", 2, "m2"), alert("1", 1)]} ready />);
    rerender(<Announcer alerts={[alert("3", 3, "m3"), alert("2", 2, "m2"), alert("1", 1)]} ready />);
    expect(screen.getByRole("status").textContent).toBe("");
    await pass(ANNOUNCE_EVERY);
    expect(screen.getByRole("status").textContent).toBe(
      "2 new alerts, the newest: warning, overheating, m3.",
    );
    rerender(<Announcer alerts={[alert("4", 4, "m4"), alert("3", 3, "m3"), alert("2", 2, "m2")]} ready />);
    await pass(ANNOUNCE_EVERY);
    expect(screen.getByRole("status").textContent).toBe("New alert: warning, overheating, m4.");
  });
});

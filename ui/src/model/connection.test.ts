import { describe, expect, it } from "vitest";
import { problem } from "../testing/api";
import {
  initialConnection,
  nextConnection,
  polls,
  type Connection,
  type ConnectionEvent,
} from "./connection";

function after(...events: ConnectionEvent[]): Connection {
  return events.reduce(
    (connection, event, at) => nextConnection(connection, event, at + 1),
    initialConnection(0),
  );
}

const works: ConnectionEvent = { type: "stream-works" };
const broke: ConnectionEvent = { type: "stream-broke" };
const answered: ConnectionEvent = { type: "answered" };
const unanswered: ConnectionEvent = { type: "unanswered", problem: problem(0) };

describe("nextConnection", () => {
  it("reconnects twice, and polls after the third break", () => {
    expect(after(works, broke).mode).toBe("reconnecting");
    expect(after(works, broke, broke).mode).toBe("reconnecting");
    expect(after(works, broke, broke, broke).mode).toBe("polling");
  });

  it("counts breaks in a row only", () => {
    expect(after(broke, broke, works, broke).mode).toBe("reconnecting");
  });

  it("goes live again from polling", () => expect(after(broke, broke, broke, works).mode).toBe("live"));

  it("is offline when nothing is answered, since the stream broke", () => {
    const connection = after(works, broke, broke, broke, unanswered, unanswered);
    expect(connection.mode).toBe("offline");
    expect(connection.since).toBe(2);
  });

  it("is offline since it was noticed, when polling went well before", () => {
    expect(after(broke, broke, broke, answered, unanswered).since).toBe(5);
  });

  it("stays offline through further breaks, and polls when answered", () => {
    expect(after(works, broke, unanswered, broke, broke).mode).toBe("offline");
    expect(after(works, broke, unanswered, answered).mode).toBe("polling");
  });

  it("does not call the API away while its stream works", () =>
    expect(after(works, unanswered).mode).toBe("live"));

  it("polls only in place of the stream", () => {
    expect(polls(after(works))).toBe(false);
    expect(polls(after(broke, broke, broke))).toBe(true);
    expect(polls(after({ type: "hidden" }))).toBe(false);
    expect(polls(after({ type: "unauthorized" }))).toBe(false);
  });
});

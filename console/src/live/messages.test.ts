import { expect, it } from "vitest";

import { analysis, line, turn } from "../testing/examples.ts";
import { parseMessage } from "./messages.ts";

it.each([
  ["a turn", turn()],
  ["an analysis", analysis()],
  ["the state", { type: "live.state", calls: [line()] }],
  ["a heartbeat", { type: "heartbeat" }],
])("%s is read as it was sent", (_, message) => {
  expect(parseMessage(JSON.stringify(message))).toEqual(message);
});

it.each([
  ["no JSON", "{"],
  ["no object", "7"],
  ["null", "null"],
  ["an unknown type", '{"type":"call.moved"}'],
  ["the name of something every object has", '{"type":"constructor"}'],
  ["a turn without words", '{"type":"transcript.update","call_sid":"CA1","role":"user","index":0}'],
  ["an analysis with null evidence", JSON.stringify({ ...analysis(), evidence: null })],
])("%s is left alone", (_, text) => {
  expect(parseMessage(text)).toBeNull();
});

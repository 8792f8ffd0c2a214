import { describe, expect, it } from "vitest";
import type { Topic, Webhook } from "~/api/types";
import { mailTestReason, resendReason, webhookChanges, webhookTestReason } from "./rules";
import { deliveryWords, SUBSCRIBABLE, topicsWords, topicWords } from "./words";

const allowed = () => undefined;
const refused = (permission: string) => `Needs the permission ${permission}`;

const webhook: Webhook = {
  id: 3,
  name: "chat",
  url: "https://chat.example.com/hook",
  topics: ["approval_opened", "instance_ended"],
  active: true,
  created_at: "2026-11-29T12:00:00Z",
  created_by: "user:1 (admin)",
  updated_at: "2026-11-29T12:00:00Z",
  updated_by: "user:1 (admin)",
};

it("what has arrived is not sent again", () => {
  expect(resendReason({ state: "dead" }, allowed)).toBeUndefined();
  expect(resendReason({ state: "waiting" }, allowed)).toBeUndefined();
  expect(resendReason({ state: "delivered" }, allowed)).toBe("It has arrived already");
  expect(resendReason({ state: "dead" }, refused)).toBe("Needs the permission workflows.manage");
});

it("tests need something to be tested", () => {
  expect(webhookTestReason({ active: true }, allowed)).toBeUndefined();
  expect(webhookTestReason({ active: false }, allowed)).toBe("It is switched off");
  expect(mailTestReason({ configured: true }, allowed)).toBeUndefined();
  expect(mailTestReason({ configured: false }, allowed)).toBe("E-mail is not configured on the server");
  expect(mailTestReason(undefined, allowed)).toBe("It is not known yet whether e-mail is configured");
  expect(mailTestReason({ configured: true }, refused)).toBe("Needs the permission settings.manage");
});

describe("a change of a webhook", () => {
  const draft = { name: "chat", url: "https://chat.example.com/hook", topics: webhook.topics, active: true };
  it.each([
    [{}, {}],
    [{ name: " chat " }, {}],
    [{ topics: ["instance_ended", "approval_opened"] as Topic[] }, {}],
    [{ topics: [] }, { topics: [] }],
    [{ url: "https://x.example.com/" }, { url: "https://x.example.com/" }],
    [
      { name: "talk", active: false },
      { name: "talk", active: false },
    ],
  ])("%j sends %j", (part, sent) => {
    expect(webhookChanges(webhook, { ...draft, ...part })).toEqual(sent);
  });
});

it("topics are said in words, those of a newer server too", () => {
  expect(topicsWords(["approval_opened", "instance_ended"])).toBe("Approval asked, Workflow ended");
  expect(topicsWords([])).toBe("only what steps send");
  expect(topicWords("agent_lost" as Topic)).toBe("agent lost");
  expect(SUBSCRIBABLE).not.toContain("test");
});

describe("how a message is doing", () => {
  it.each([
    [{ state: "waiting", attempts: 0, error: null }, "On its way", "busy"],
    [{ state: "waiting", attempts: 5, error: "503" }, "Failing", "warn"],
    [{ state: "waiting", attempts: 0, error: "503" }, "On its way", "busy"],
    [{ state: "delivered", attempts: 2, error: "503" }, "Delivered", "good"],
    [{ state: "dead", attempts: 9, error: "503" }, "Not delivered", "bad"],
  ] as const)("%j", (delivery, label, tone) => {
    expect(deliveryWords(delivery)).toMatchObject({ label, tone });
  });
});

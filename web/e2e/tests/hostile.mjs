// What a step prints reaches pages as titles, output, messages and events: always as text, never as something that runs.
import { call, instanceIn, makeWorkflow } from "../api.mjs";
import { assert, until } from "../expect.mjs";
import { withReceiver } from "../receivers.mjs";
import { ready } from "./agents.mjs";

const HOST = "e2e-1";
const LIMIT_MS = 60_000;
/** Values in one instance: a parallel step has at most twenty branches. */
const AT_ONCE = 20;

/** Each would leave a mark if it ran. */
const DEEDS = ["window.ran=1", "alert(1)", "top.ran=1", "fetch('/api/v1/session').then(()=>{window.ran=1})"];

/** Ways that have led from text to a program somewhere. */
const carriers = (deed) => [
  `<script>${deed}</script>`,
  `"><script>${deed}</script>`,
  `'><script>${deed}</script>`,
  `</script><script>${deed}</script>`,
  `</textarea><script>${deed}</script>`,
  `</title><script>${deed}</script>`,
  `<ScRiPt>${deed}</sCrIpT>`,
  `<scr<script>ipt>${deed}</scr</script>ipt>`,
  `<script src="data:text/javascript,${deed}"></script>`,
  `<img src=x onerror="${deed}">`,
  `<img src=x onerror=${deed}//`,
  `" onmouseover="${deed}" x="`,
  `' autofocus onfocus='${deed}`,
  `<svg onload="${deed}">`,
  `<svg/onload=${deed}>`,
  `<svg><animate onbegin="${deed}" attributeName=x dur=1s>`,
  `<svg><script>${deed}</script></svg>`,
  `<math><mtext><img src=x onerror="${deed}"></mtext></math>`,
  `<body onload="${deed}">`,
  `<details open ontoggle="${deed}">`,
  `<video><source onerror="${deed}"></video>`,
  `<audio src=x onerror="${deed}">`,
  `<input autofocus onfocus="${deed}">`,
  `<iframe srcdoc="<script>${deed}</script>"></iframe>`,
  `<iframe src="javascript:${deed}"></iframe>`,
  `<object data="javascript:${deed}"></object>`,
  `<embed src="javascript:${deed}">`,
  `<a href="javascript:${deed}">look</a>`,
  `<form action="javascript:${deed}"><button>go</button></form>`,
  `<base href="https://elsewhere.test/"><script>${deed}</script>`,
  `<meta http-equiv="refresh" content="0;url=javascript:${deed}">`,
  `<link rel="stylesheet" href="javascript:${deed}">`,
  `<style>*{background:url("javascript:${deed}")}</style>`,
  `<div style="width:expression(${deed})">`,
  `<template><script>${deed}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${deed}>">`,
  `<!--><img src=x onerror="${deed}">-->`,
  `<![CDATA[<script>${deed}</script>]]>`,
  `[look](javascript:${deed})`,
  `![look](x" onerror="${deed})`,
  `javascript:${deed}`,
  `data:text/html,<script>${deed}</script>`,
  `&lt;script&gt;${deed}&lt;/script&gt;`,
  `&#60;script&#62;${deed}&#60;/script&#62;`,
  `\\u003cscript\\u003e${deed}\\u003c/script\\u003e`,
  `%3Cscript%3E${deed}%3C/script%3E`,
  `'-${deed}-'`,
  `";${deed};//`,
  `\`;${deed};\``,
  `\${${deed}}`,
  `{{constructor.constructor("${deed}")()}}`,
  `{{{${deed}}}}`,
  `#{${deed}}`,
  `<%= ${deed} %>`,
  `__proto__[onload]=${deed}`,
  `\u001b]8;;javascript:${deed}\u0007look\u001b]8;;\u0007`,
  `\u001b[31m<img src=x onerror="${deed}">\u001b[0m`,
  `\u202e<script>${deed}</script>`,
];

const VALUES = DEEDS.flatMap(carriers);
// The last instance is full as well.
VALUES.push(...VALUES.slice(0, AT_ONCE - (VALUES.length % AT_ONCE)));
/** Escapes of terminals and characters that turn the direction around are left out of titles. */
const isShownWhole = (value) => !/[\p{Cc}\p{Cf}]/u.test(value);

const names = [...Array(AT_ONCE).keys()].map((number) => `p${number}`);
const printed = (name) => `{{step_say.json.${name}}}`;
const branches = (step) => names.map((name) => ({ steps: [step(name)] }));

const definition = {
  hosts: { agents: [HOST] },
  inputs: names.map((name) => ({ name, type: "string", default: "" })),
  steps: [
    {
      id: "say",
      type: "command",
      argv: [
        "python3",
        "-c",
        "import sys,json; print(json.dumps({'p%d' % n: v for n, v in enumerate(sys.argv[1:])}))",
        ...names.map((name) => `{{inputs.${name}}}`),
      ],
    },
    { id: "print", type: "command", argv: ["printf", "%s\\n", ...names.map(printed)] },
    {
      id: "tell",
      type: "parallel",
      branches: branches((name) => ({
        id: `tell_${name}`,
        type: "notify",
        to: ["webhook:hostile"],
        title: printed(name),
        message: printed(name),
      })),
    },
    {
      id: "ask",
      type: "parallel",
      branches: branches((name) => ({
        id: `ask_${name}`,
        name: "Ask",
        type: "approval",
        title: printed(name),
        description: printed(name),
        approval_type: "one_of_many",
        approvers: ["role:site_administrator"],
        allow_self_approval: true,
      })),
    },
  ],
};

/** The page shows each of these as it is, and nothing of them ran. */
async function isText(page, path, shown, values) {
  await page.goto(path);
  await shown(page).waitFor({ timeout: LIMIT_MS });
  const main = page.getByRole("main");
  await until(`${path} shows every value`, async () => {
    const text = await main.evaluate((element) => element.textContent);
    const missing = values.filter((value) => !text.includes(value));
    assert.deepEqual(missing, [], path);
    return true;
  });
  assert.equal(await page.evaluate(() => window.ran), undefined, `something ran on ${path}`);
  for (const element of ["script", "iframe", "object", "embed", "form", "base", "video", "audio", "math"]) {
    assert.equal(await main.locator(element).count(), 0, `<${element}> on ${path}`);
  }
}

async function openApprovals(page, instance) {
  const path = `/api/v1/approvals?filter=instance:${instance}&filter=state:open&limit=100`;
  return (await call(page, "GET", path)).items;
}

async function oneInstance(page, workflow, values) {
  const inputs = Object.fromEntries(values.map((value, index) => [`p${index}`, value]));
  const { id } = await call(page, "POST", `/api/v1/workflows/${workflow}/instances`, { inputs });
  const open = await until(`instance ${id} asks`, async () => {
    const asked = await openApprovals(page, id);
    return asked.length === AT_ONCE ? asked : undefined;
  });
  const titles = values.filter(isShownWhole);
  const row = (table) => (on) => on.getByRole("table", { name: table }).getByRole("row").nth(1);
  await isText(page, "/approvals", row("Approvals"), titles);
  await isText(page, "/notifications", row("Messages"), titles);
  const panel = (on) => on.getByRole("tabpanel").locator("visible=true").first();
  await isText(page, `/instances/${id}`, panel, titles);
  await isText(page, `/instances/${id}?tab=timeline`, panel, titles);
  const one = open.at(-1);
  await isText(
    page,
    `/approvals/${one.id}`,
    (on) => on.getByRole("heading").first(),
    [one.title].filter(isShownWhole),
  );
  const { runs } = await call(page, "GET", `/api/v1/instances/${id}`);
  const { execution_id: execution } = runs.find((run) => run.step === "print");
  const [job] = (await call(page, "GET", `/api/v1/jobs?filter=execution:${execution}`)).items;
  const output = (on) => on.getByRole("region", { name: "Output of the job" });
  await isText(page, `/jobs/${job.id}`, output, titles);
  for (const { id: approval } of open) {
    await call(page, "POST", `/api/v1/approvals/${approval}/answer`, { decision: "approve" });
  }
  await instanceIn(page, id, "completed");
}

export default {
  "what a step prints is text on every page": async (world) => {
    const { page } = world;
    await ready(world, HOST);
    const dialogs = [];
    const onDialog = (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    };
    page.on("dialog", onDialog);
    await withReceiver(async ({ url }) => {
      await call(page, "POST", "/api/v1/webhooks", { name: "hostile", url });
      const workflow = await makeWorkflow(page, "hostile", JSON.stringify(definition));
      for (let begin = 0; begin < VALUES.length; begin += AT_ONCE) {
        await oneInstance(page, workflow, VALUES.slice(begin, begin + AT_ONCE));
      }
    });
    page.off("dialog", onDialog);
    assert.deepEqual(dialogs, []);
    assert.ok(VALUES.length >= 200, `${VALUES.length} values`);
  },
};

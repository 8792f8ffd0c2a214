// The programs, the folder they live in, and the browser's pages. Ends only what it started.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { startMailbox } from "./receivers.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
export const SCREENSHOTS = process.env.E2E_SCREENSHOTS ?? join(HERE, "screenshots");
/** A build that is tried in place of the one that the server has. */
const DIST = process.env.E2E_DIST;
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const PASSWORD = "correct-horse-battery-staple";
/** How long the page may take for anything, unless a test says otherwise. */
const LIMIT_MS = 15_000;
const START_MS = 60_000;
const STOP_MS = 15_000;

const program = (variable, name) => resolve(HERE, process.env[variable] ?? `../../target/debug/${name}`);

export async function startWorld() {
  await rm(SCREENSHOTS, { recursive: true, force: true });
  await mkdir(SCREENSHOTS, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), "postern-e2e-"));
  const world = new World(folder);
  await world.startServer();
  return world;
}

class World {
  user = "admin";
  password = PASSWORD;
  /** Problems the browser reported: broken policy, errors of scripts. */
  complaints = [];
  test = "start";
  /** Agents by name. */
  agents = new Map();
  #processes = [];

  constructor(folder) {
    this.folder = folder;
  }

  async startServer() {
    this.mailbox = await startMailbox();
    const server = this.#spawn(
      "server",
      program("POSTERN_BIN", "postern"),
      ["serve", "--data", join(this.folder, "server"), "--listen", "127.0.0.1:0"],
      {
        POSTERN_ADMIN_PASSWORD: PASSWORD,
        POSTERN_SMTP_URL: this.mailbox.url,
        POSTERN_SMTP_FROM: "Postern <postern@e2e.test>",
      },
    );
    this.url = await new Promise((found, lost) => {
      const timer = setTimeout(
        () => lost(new Error(`the server did not say where it listens; see ${server.log}`)),
        START_MS,
      );
      const look = (chunk) => {
        const match = /listening on (https:\/\/\S+)/.exec(chunk);
        if (match) {
          clearTimeout(timer);
          found(match[1]);
        }
      };
      server.child.stdout.on("data", look);
      server.child.stderr.on("data", look);
      server.child.once("exit", (code) => {
        clearTimeout(timer);
        lost(new Error(`the server ended with ${code}; see ${server.log}`));
      });
    });
  }

  /**
   * The server's certificate comes from a CA it has just made; the agents check it, and Chromium has no option to trust
   * one CA for one run, but one for one key: without it, it would load every file anew for every page.
   */
  async trusted() {
    const { hostname, port } = new URL(this.url);
    const certificate = await new Promise((found, lost) => {
      const socket = connect({ host: hostname, port, rejectUnauthorized: false }, () => {
        found(socket.getPeerX509Certificate());
        socket.end();
      });
      socket.once("error", lost);
    });
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    return `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`;
  }

  startAgent(name, token) {
    // What the owner of this machine may have written is not tried here.
    const policy = join(this.folder, "policy.toml");
    writeFileSync(policy, "");
    const agent = this.#spawn(
      `agent-${name}`,
      program("POSTERN_AGENT_BIN", "postern-agent"),
      ["run", "--server", this.url, "--token", token, "--data", join(this.folder, `agent-${name}`)],
      { POSTERN_AGENT_POLICY: policy },
    );
    this.agents.set(name, agent);
  }

  /**
   * What the operator's program makes of a line that a page offers to copy: in a shell, as a dry run. The values of its
   * secrets come from variables, because nobody is there to be asked.
   */
  async command(line, secrets = {}) {
    const session = await (await this.page.request.get("/api/v1/session")).json();
    const headers = { "X-CSRF-Token": session.csrf_token };
    const made = await this.page.request.post("/api/v1/tokens", {
      headers,
      data: { name: `copied-${Date.now()}` },
    });
    const { token, secret } = await made.json();
    const dry = line
      .replace(/ --(agent|selector)=/, " --dry-run --$1=")
      .replaceAll(/ --secret=(\w+)/g, (_, name) => ` --secret=${name}=env:E2E_${name.toUpperCase()}`);
    const named = Object.entries(secrets).map(([name, value]) => [`E2E_${name.toUpperCase()}`, value]);
    try {
      const ran = spawnSync("sh", ["-c", `postern() { "$POSTERN" "$@"; }; ${dry}`], {
        encoding: "utf8",
        env: {
          ...process.env,
          ...Object.fromEntries(named),
          POSTERN: program("POSTERN_BIN", "postern"),
          POSTERN_URL: this.url,
          POSTERN_TOKEN: secret,
          POSTERN_CA: join(this.folder, "server", "ca.pem"),
        },
      });
      if (ran.status !== 0) {
        throw new Error(`${dry}\n${ran.stderr}`);
      }
      return ran.stdout;
    } finally {
      await this.page.request.delete(`/api/v1/tokens/${token.id}`, { headers });
    }
  }

  #spawn(name, path, args, environment) {
    const log = join(this.folder, `${name}.log`);
    const child = spawn(path, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    const file = createWriteStream(log);
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    child.on("error", (error) => console.log(`cannot start ${path}: ${error.message}`));
    const started = { name, child, log };
    this.#processes.push(started);
    return started;
  }

  async open(browser) {
    this.browser = browser;
    this.context = await this.newContext();
    this.page = await this.context.newPage();
  }

  /**
   * A browser of its own: cookies and storage are not shared. A strict one gets a policy that is stricter than what the
   * server may send: pages have to work without any inline style. It keeps nothing of what it has loaded, and is slow.
   */
  async newContext(options = {}, { strict = false } = {}) {
    const context = await this.browser.newContext({
      baseURL: this.url,
      // Requests beside the pages: see `trusted` for those of the pages.
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 800 },
      colorScheme: "light",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    context.setDefaultTimeout(LIMIT_MS);
    if (strict || DIST) {
      await context.route(
        (url) => url.href.startsWith(this.url),
        (route) => this.#answer(route),
      );
    }
    context.on("console", (message) => {
      const text = message.text();
      // A refused request is written there, too; tests that provoke one look at the page.
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) {
        const { url, lineNumber, columnNumber } = message.location();
        this.complaints.push(`${this.test}: ${text} (${url}:${lineNumber}:${columnNumber})`);
      }
    });
    context.on("weberror", (error) => this.complaints.push(`${this.test}: ${error.error()}`));
    return context;
  }

  async #answer(route) {
    const { pathname } = new URL(route.request().url());
    if (route.request().resourceType() !== "document") {
      await (DIST && !pathname.startsWith("/api/") ? built(route, pathname) : route.fallback());
      return;
    }
    const response = await route.fetch();
    const headers = response.headers();
    const policy = headers["content-security-policy"] ?? "";
    if (policy === "") {
      this.complaints.push("the server sends no content security policy");
    }
    await route.fulfill({
      response,
      ...(DIST && !pathname.startsWith("/api/") ? { body: await readFile(join(DIST, "index.html")) } : {}),
      headers: { ...headers, "content-security-policy": policy.replace(" 'unsafe-inline'", "") },
    });
  }

  async signIn(page, user = this.user, password = this.password) {
    await page.goto("/sign-in");
    await page.getByLabel("User name").fill(user);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    // On a phone the places are behind a button.
    const places = page.getByRole("navigation", { name: "Main" });
    await places
      .or(page.getByRole("button", { name: "Open menu" }))
      .first()
      .waitFor();
  }

  async screenshot(name, page = this.page) {
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }

  /** Every page that is open, of everybody. */
  async keepEvidence(name) {
    const pages = this.browser.contexts().flatMap((context) => context.pages());
    for (const [index, page] of pages.entries()) {
      try {
        await this.screenshot(`${name}-${index + 1}`, page);
      } catch {
        // The page may be gone; the failure itself is reported.
      }
    }
  }

  async stop() {
    this.mailbox?.stop();
    for (const { child } of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) {
        continue;
      }
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
    }
    if (process.env.E2E_KEEP) {
      console.log(`kept: ${this.folder}`);
    } else {
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}

async function built(route, pathname) {
  const body = await readFile(join(DIST, pathname)).catch(() => undefined);
  const contentType = TYPES[extname(pathname)] ?? "application/octet-stream";
  await route.fulfill(body ? { body, contentType } : { status: 404 });
}

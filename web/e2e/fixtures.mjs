// What jobs of these tests work on, on this machine and on loopback only: nginx as a service, a name server, web
// servers with certificates, processes, accounts. Everything is as it was when a test ends, however it ends.
import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { until } from "./expect.mjs";

const LOOPBACK = "127.0.0.1";

/** Asked of a test before it begins: says why when it does nothing here. */
export function skipped(unless, why) {
  if (!unless) {
    console.log(`skipped: ${why}`);
  }
  return !unless;
}

export const isRoot = () => process.getuid() === 0;

/** Whether this machine's accounts, packages and services may be changed: as root, and where it was said. */
export const mayDestroy = () => isRoot() && process.env.POSTERN_TEST_DESTRUCTIVE === "1";

/** Whether the host knows a user or a group, asked elsewhere. */
export const isKnown = (list, name) => spawnSync("getent", [list, name]).status === 0;

export function succeeds(program, ...args) {
  return (
    spawnSync(program, args, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } }).status === 0
  );
}

/** A process that does nothing until it is ended. */
export async function withSleeper(use) {
  const child = spawn("sleep", ["300"], { stdio: "ignore" });
  await once(child, "spawn");
  const ended = once(child, "exit");
  try {
    return await use({ pid: child.pid, ended });
  } finally {
    child.kill("SIGKILL");
  }
}

export const startsAtBoot = (service) =>
  readdirSync("/etc/rc2.d").some((link) => link.startsWith("S") && link.endsWith(service));

/** nginx with settings of its own, started by whoever starts services here. */
export async function withNginx(folder, use) {
  const settings = "/etc/default/nginx";
  const config = join(folder, "service.conf");
  const stop = () => succeeds("service", "nginx", "stop");
  const before = await readFile(settings);
  const atBoot = startsAtBoot("nginx") ? "enable" : "disable";
  stop();
  await writeFile(config, "pid /run/nginx.pid; error_log stderr; events {}\n");
  try {
    await writeFile(settings, `DAEMON_OPTS='-c ${config}'\nSTOP_SCHEDULE=TERM/5/KILL/5\n`);
    return await use(() => writeFile(config, "nonsense"));
  } finally {
    stop();
    succeeds("update-rc.d", "nginx", atBoot);
    await writeFile(settings, before);
  }
}

/** The port a server got on loopback. */
async function listening(server) {
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  return server.address().port;
}

/** A port that is open, and then is not. */
export async function withPort(use) {
  const server = createServer((socket) => socket.destroy());
  const port = await listening(server);
  const close = async () => {
    if (server.listening) {
      server.close();
      await once(server, "close");
    }
  };
  try {
    return await use(port, close);
  } finally {
    await close();
  }
}

/** dnsmasq that knows one name, web.test. */
export async function withNames(folder, use) {
  const port = await withPort(async (free) => free);
  const config = join(folder, "dnsmasq.conf");
  await writeFile(
    config,
    [
      `port=${port}`,
      `listen-address=${LOOPBACK}`,
      "bind-interfaces",
      "no-resolv",
      "no-hosts",
      "no-daemon",
      "local=/test/",
      "host-record=web.test,192.0.2.7",
      "pid-file=",
      "user=",
      "",
    ].join("\n"),
  );
  const child = spawn("dnsmasq", [`--conf-file=${config}`], { stdio: "ignore" });
  await once(child, "spawn");
  try {
    await until("the name server answers", () => opens(port));
    return await use(`${LOOPBACK}:${port}`);
  } finally {
    child.kill();
  }
}

function opens(port) {
  return new Promise((answer) => {
    const socket = connect(port, LOOPBACK, () => {
      socket.destroy();
      answer(true);
    });
    socket.once("error", () => answer(false));
  });
}

/** Takes every question and answers none. */
export async function withSilence(use) {
  const socket = createSocket("udp4");
  socket.bind(0, LOOPBACK);
  await once(socket, "listening");
  try {
    return await use(`${LOOPBACK}:${socket.address().port}`);
  } finally {
    socket.close();
  }
}

/** A web server, once plain and twice over TLS: with a certificate for `localhost`, and with one for somebody else. */
export async function withWeb(folder, use) {
  const { ca, identity } = await authority(folder);
  const say = (request, response) => {
    switch (request.url) {
      case "/broken":
        return response.writeHead(503).end("broken");
      case "/metadata":
        return response.writeHead(302, { Location: "http://169.254.169.254/latest/" }).end();
      default:
        return response.writeHead(200, { "Content-Type": "text/plain" }).end("hello");
    }
  };
  const servers = [
    createHttp(say),
    createHttps(await identity("localhost"), say),
    createHttps(await identity("other.test"), say),
  ];
  try {
    const [http, https, mistaken] = await Promise.all(servers.map(listening));
    return await use({ http, https, mistaken, ca });
  } finally {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

/** An authority of our own: its certificate, and key and certificate for a name. */
async function authority(folder) {
  const at = join(folder, "certificates");
  await mkdir(at, { recursive: true });
  const file = (name) => join(at, name);
  const openssl = (...args) => {
    const ran = spawnSync("openssl", args, { encoding: "utf8" });
    if (ran.status !== 0) {
      throw new Error(`openssl ${args.join(" ")}: ${ran.error ?? ran.stderr}`);
    }
  };
  const certificate = async (name, subject, extensions, ...signer) => {
    const config = file(`${name}.cnf`);
    await writeFile(config, `[req]\ndistinguished_name=dn\n[dn]\n[ext]\n${extensions.join("\n")}\n`);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const output = ["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
    openssl(
      ...["req", "-x509", "-config", config, "-extensions", "ext", "-days", "2", "-subj", `/CN=${subject}`],
      ...key,
      ...signer,
      ...output,
    );
  };
  await certificate("ca", "An authority for tests", ["basicConstraints=critical,CA:TRUE"]);
  return {
    ca: await readFile(file("ca.pem"), "utf8"),
    identity: async (name) => {
      const extensions = ["basicConstraints=critical,CA:FALSE", `subjectAltName=DNS:${name}`];
      await certificate(name, name, extensions, "-CA", file("ca.pem"), "-CAkey", file("ca.key"));
      return { key: await readFile(file(`${name}.key`)), cert: await readFile(file(`${name}.pem`)) };
    },
  };
}

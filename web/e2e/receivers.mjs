// Who gets messages, on loopback only: a mail server that keeps what it takes, and a program with a webhook.
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

async function listening(server) {
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  return server.address().port;
}

/** Speaks as much SMTP as it takes to get a message. Addresses in `refused` are refused for good. */
export async function startMailbox() {
  const letters = [];
  const refused = new Set();
  const server = createServer((socket) => {
    let letter = { to: [] };
    let data;
    let rest = "";
    const say = (line) => socket.write(`${line}\r\n`);
    const hear = (line) => {
      if (data !== undefined) {
        if (line !== ".") {
          data.push(line.startsWith("..") ? line.slice(1) : line);
          return;
        }
        letters.push({ ...letter, text: decoded(data.join("\n")) });
        data = undefined;
        letter = { to: [] };
        say("250 taken");
        return;
      }
      const [word] = line.toUpperCase().split(/[ :]/);
      switch (word) {
        case "EHLO":
        case "HELO":
          return say("250 mailbox.test");
        case "MAIL":
          letter.from = /<(.*?)>/.exec(line)?.[1];
          return say("250 ok");
        case "RCPT": {
          const to = /<(.*?)>/.exec(line)?.[1];
          if (refused.has(to)) {
            return say("550 nobody here has this name <script>alert(1)</script>");
          }
          letter.to.push(to);
          return say("250 ok");
        }
        case "DATA":
          data = [];
          return say("354 go on");
        case "QUIT":
          say("221 bye");
          return socket.end();
        default:
          return say("250 ok");
      }
    };
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const lines = (rest + chunk).split("\r\n");
      rest = lines.pop();
      for (const line of lines) {
        hear(line);
      }
    });
    say("220 mailbox.test");
  });
  const port = await listening(server);
  return { letters, refused, url: `smtp://${LOOPBACK}:${port}?tls=none`, stop: () => server.close() };
}

/** Quoted-printable is read, so that words can be looked for. */
function decoded(text) {
  return text
    .replaceAll(/=\n/g, "")
    .replaceAll(/((?:=[0-9A-F]{2})+)/g, (codes) =>
      Buffer.from(codes.replaceAll("=", ""), "hex").toString("utf8"),
    );
}

/** Keeps what is sent to it. `answer.status` is what it says to all of it. */
export async function withReceiver(use) {
  const requests = [];
  const answer = { status: 204 };
  const server = createHttp(async (request, response) => {
    const pieces = [];
    for await (const piece of request) {
      pieces.push(piece);
    }
    requests.push({ headers: request.headers, body: Buffer.concat(pieces) });
    response.writeHead(answer.status).end();
  });
  const port = await listening(server);
  try {
    return await use({ url: `http://${LOOPBACK}:${port}/hook`, requests, answer });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** As a receiver would check it. */
export function isGenuine(secret, { headers, body }) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = Buffer.concat([
    Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`),
    body,
  ]);
  const ours = Buffer.from(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  return headers["webhook-signature"]
    .split(" ")
    .map((one) => Buffer.from(one))
    .some((theirs) => theirs.length === ours.length && timingSafeEqual(theirs, ours));
}

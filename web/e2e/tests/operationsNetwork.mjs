// Questions to the network and requests, asked for real from the run form, on loopback; and each way to fail.
import { accessible, assert } from "../expect.mjs";
import { isRoot, skipped, withNames, withPort, withSilence, withWeb } from "../fixtures.mjs";
import { perform } from "../operation.mjs";

const network = (world, Tool, values) => perform(world, "Network", { Tool, ...values });
const http = (world, values) => perform(world, "HTTP request", { Method: "GET", ...values });

export default {
  "the host itself answers, and a name that nobody has does not": async (world) => {
    if (skipped(isRoot(), "the agent must run as root")) {
      return;
    }
    const ping = await (await network(world, "Ping", { Host: "127.0.0.1", Packets: 2 })).done();
    assert.deepEqual([await ping.fact("Address"), await ping.fact("Answered")], ["127.0.0.1", "2 of 2"]);
    assert.deepEqual((await ping.rows("Answers")).length, 2);
    const nobody = await network(world, "Ping", { Host: "no-such-host.invalid", Packets: 1 });
    nobody.failed("no-such-host.invalid");

    const trace = await (await network(world, "Traceroute", { Host: "127.0.0.1" })).done();
    assert.deepEqual([await trace.fact("Address"), await trace.fact("Reached")], ["127.0.0.1", "Yes"]);
    const [hop, ...further] = await trace.rows("Hops");
    assert.deepEqual([hop.Hop, hop.Address, further.length], ["1", "127.0.0.1", 0]);
    (await network(world, "Traceroute", { Host: "no-such-host.invalid" })).failed("no-such-host.invalid");
  },

  "a socket that listens is among the host’s, with its process": async (world) => {
    await withPort(async (port, close) => {
      const sockets = async () => {
        const values = { Protocol: "TCP", "Only sockets that listen": true };
        const job = await network(world, "Sockets of the host (netstat)", values);
        const rows = await (await job.done()).rows("Sockets");
        assert.ok(rows.every((row) => row.Protocol.startsWith("TCP")));
        return rows.filter((row) => row.Local.endsWith(`:${port}`));
      };
      const [own] = await sockets();
      assert.equal(own.State.toLowerCase(), "listen");
      assert.ok(!isRoot() || own.Process === String(process.pid), "whose it is");
      await world.screenshot("operation-sockets");
      await close();
      assert.deepEqual(await sockets(), []);
    });
  },

  "a port is open, and then closed": async (world) => {
    await withPort(async (port, close) => {
      const look = async () => {
        const job = await network(world, "Port check", { Host: "127.0.0.1", Ports: [port] });
        const [found] = await (await job.done()).rows("Ports");
        return [found.Port, found.State];
      };
      assert.deepEqual(await look(), [`${port}/tcp`, "Open"]);
      await close();
      assert.deepEqual(await look(), [`${port}/tcp`, "Closed"]);
      await world.screenshot("operation-port-closed");
    });
  },

  "a name is looked up, one is not known, and a name server is silent": async (world) => {
    const lookUp = (name, server, values = {}) =>
      network(world, "DNS lookup", { "Name to look up": name, "Name server": server, ...values });
    await withNames(world.folder, async (server) => {
      const found = await (await lookUp("web.test", server)).done();
      assert.deepEqual(
        [await found.fact("Asked"), await found.fact("Answer"), await found.fact("Servers")],
        ["web.test A", "NOERROR", server],
      );
      const [record] = await found.rows("Records");
      assert.deepEqual([record.Type, record.Value], ["A", "192.0.2.7"]);
      const unknown = await (await lookUp("nobody.test", server)).done();
      assert.equal(await unknown.fact("Answer"), "NXDOMAIN");
    });
    await withSilence(async (server) => {
      const silent = await lookUp("web.test", server, { "Wait for an answer, in seconds": 1 });
      silent.failed("no answer within 1 s");
      assert.deepEqual([await silent.fact("Answer"), await silent.fact("Servers")], ["TIMEOUT", server]);
      await accessible(world.page, "a lookup without an answer");
      await world.screenshot("operation-dns-timeout");
    });
  },

  "a certificate for somebody else and one from nobody known are told": async (world) => {
    await withWeb(world.folder, async ({ https, mistaken, ca }) => {
      const [right, wrong] = [https, mistaken].map((port) => `https://localhost:${port}/`);
      const trusting = { "Further CA certificates (PEM)": ca };
      const good = await (await http(world, { URL: right, ...trusting })).done();
      assert.deepEqual([await good.fact("Status"), await good.fact("Certificate checked")], ["200", "Yes"]);
      (await http(world, { URL: wrong, ...trusting })).failed("it is not for localhost: it names other.test");
      await world.screenshot("operation-certificate-refused");
      (await http(world, { URL: right })).failed("does not know its issuer");
      const unchecked = "Do not check the server’s certificate (the result says so)";
      const anyway = await (await http(world, { URL: wrong, [unchecked]: true })).done();
      assert.equal(await anyway.fact("Certificate checked"), "No");

      const check = (await network(world, "HTTP check", { URL: right })).failed("An authority for tests");
      assert.equal(await check.fact("Names"), "localhost");
      const port = { Host: "localhost", Ports: [mistaken], "Try TLS on open TCP ports": true };
      const [found] = await (await (await network(world, "Port check", port)).done()).rows("Ports");
      assert.equal(found.State, "Open");
      assert.match(found.TLS, /other\.test/);
      assert.notEqual(found.Problem, "–");
    });
  },

  "an answer is judged by its status, and no way leads to a metadata address": async (world) => {
    await withWeb(world.folder, async (web) => {
      const url = (path) => `http://127.0.0.1:${web.http}/${path}`;
      const good = await (await http(world, { URL: url("") })).done();
      assert.equal(await good.fact("Status"), "200");
      assert.equal(await good.result.getByRole("group", { name: "Body of the answer" }).innerText(), "hello");
      const headers = await good.rows("Headers of the answer");
      assert.ok(headers.some(({ Header, Value }) => Header === "content-type" && Value === "text/plain"));
      const broken = (await http(world, { URL: url("broken") })).failed("the server answered 503");
      assert.equal(await broken.fact("Status"), "503");
      await (await http(world, { URL: url("broken"), "Expected status": [503] })).done();

      const refused = "169.254.169.254, a link-local or metadata address";
      (await http(world, { URL: "http://169.254.169.254/latest/" })).failed(refused);
      (await http(world, { URL: url("metadata"), "Redirects to follow": 1 })).failed(refused);
      await world.screenshot("operation-metadata-refused");
    });
  },
};

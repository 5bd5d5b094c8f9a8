// A wire between pages and the server that can be looked at, held up and cut, with the buffers that a reverse proxy has by
// default. It changes nothing: a page opened at its address talks to the server through it. It passes on in the process that
// runs the test, so a test that computes for long holds it up.

import { connect, createServer } from 'node:net';
import { once } from 'node:events';

const VOICE = 1;
const CONTROL = 0;
const CLOCK_MAPPING = 5;

// An unsigned LEB128 number at `at` and where it ends.
const varint = (bytes, at) => {
  let value = 0;
  for (let shift = 0; ; shift += 7, at += 1) {
    value += (bytes[at] & 0x7f) * 2 ** shift;
    if (bytes[at] < 0x80) return [value, at + 1];
  }
};

// The messages in a client's half of a WebSocket: masked, and never in fragments (RFC 6455, section 5.2).
const makeReader = (tell) => {
  let waiting = Buffer.alloc(0);
  let isUpgraded = false;
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    if (!isUpgraded) {
      const end = waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      waiting = waiting.subarray(end + 4);
      isUpgraded = true;
    }
    for (;;) {
      if (waiting.length < 2) return;
      const short = waiting[1] & 0x7f;
      const head = short === 126 ? 4 : 2;
      if (waiting.length < head + 4) return;
      const length = short === 126 ? waiting.readUInt16BE(2) : short;
      if (waiting.length < head + 4 + length) return;
      const mask = waiting.subarray(head, head + 4);
      const payload = Buffer.from(waiting.subarray(head + 4, head + 4 + length)).map((byte, at) => byte ^ mask[at & 3]);
      const isBinary = (waiting[0] & 0x0f) === 2;
      waiting = waiting.subarray(head + 4 + length);
      if (isBinary) tell(payload);
    }
  };
};

// Listens for pages; `url` is where. `voice` holds every frame that a page has sent: when its last sample was captured,
// by the speaker's own mapping to the server's clock, and when it came by, both in Unix milliseconds. It leads to a server,
// or to the Unix socket `path` of what stands before it.
export const startWire = async (serverUrl, { path } = {}) => {
  const { hostname: host, port } = new URL(serverUrl);
  const end = path === undefined ? { host, port: Number(port) } : { path };
  const pairs = new Set();
  const voice = [];
  let sockets = 0;
  const read = () => {
    let mapping = null;
    return (message) => {
      if (message[0] === CONTROL && message[1] === CLOCK_MAPPING) {
        const [timestamp, at] = varint(message, 2);
        mapping = { timestamp, serverMs: varint(message, at)[0] };
      } else if (message[0] === VOICE) {
        let at = 1;
        let timestamp;
        let duration;
        [, at] = varint(message, at);
        [timestamp, at] = varint(message, at);
        [duration, at] = varint(message, at);
        if (mapping === null) throw new Error('voice before its clock mapping');
        const capturedMs = mapping.serverMs + (timestamp + duration - mapping.timestamp) / 48;
        voice.push({ capturedMs, passedMs: Date.now(), flags: message[at + 1] });
      }
    };
  };
  // Without `noDelay` a frame waits for the acknowledgement of the one before, up to 40 ms (RFC 896 meets RFC 1122, section
  // 4.2.3.2): neither the server nor a reverse proxy makes voice wait for that.
  const proxy = createServer({ noDelay: true }, (page) => {
    const server = connect({ ...end, noDelay: true });
    const pair = [page, server];
    pairs.add(pair);
    let reader = null;
    page.once('data', (first) => {
      if (first.toString('latin1').startsWith('GET /ws')) {
        sockets += 1;
        reader = makeReader(read());
        reader(first);
        page.on('data', (chunk) => reader(chunk));
      }
    });
    page.pipe(server);
    server.pipe(page);
    for (const socket of pair) {
      socket.on('error', () => {}); // A cut is one, on the other side.
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    voice,
    // How many WebSockets there have been.
    sockets: () => sockets,
    // Passes nothing on any more, `up` to the server or `down` from it, until told to go on.
    hold: (direction) => {
      for (const [page, server] of pairs) {
        const [from, to] = direction === 'up' ? [page, server] : [server, page];
        from.unpipe(to);
        from.pause();
      }
    },
    goOn: (direction) => {
      for (const [page, server] of pairs) {
        const [from, to] = direction === 'up' ? [page, server] : [server, page];
        from.pipe(to);
      }
    },
    // Breaks every connection; new ones can be made.
    cut: () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    stop: async () => {
      proxy.close();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await once(proxy, 'close');
    },
  };
};

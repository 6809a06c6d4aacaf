// The program that tests/clients runs: node program.mjs ioredis|node-redis
// What it prints is described in clients/python/program.py.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const EVERY = 10; // ms between two writes

const now = () => String(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n);
const say = (...words) => writeSync(1, words.join(" ") + "\n");

async function forever(step) {
  for (;;) {
    try {
      await step();
    } catch (error) {
      say("error", error.name, String(error.message).replaceAll("\n", " "));
      await pause(EVERY);
    }
  }
}

/** What each library is told to do: the same four things. */
const libraries = {
  async ioredis({ sentinels, master: name, password }) {
    const { Master } = await import("./ioredis.mjs");
    const master = new Master(sentinels, name, { password });
    const ordinary = master.client();
    const [pops, reads, hears] = Array.from({ length: 3 }, () => master.client({ waits: true }));
    return {
      group: (key) => ordinary.xgroup("CREATE", key, "group", "$", "MKSTREAM"),
      set: (key, value) => ordinary.set(key, value),
      pop: async (key) => (await pops.blpop(key, 0))[1],
      read: async (key) => {
        const words = ["GROUP", "group", "one", "COUNT", 1, "BLOCK", 0, "NOACK", "STREAMS", key, ">"];
        const [[, [[, [, number]]]]] = await reads.xreadgroup(...words);
        return number;
      },
      hear: async (channel, listener) => {
        hears.on("message", (_, text) => listener(text));
        await hears.subscribe(channel);
        await new Promise(() => {});
      },
    };
  },
  async "node-redis"({ sentinels, master: name, password }) {
    const { Master } = await import("./node-redis.mjs");
    const master = new Master(sentinels, name, password);
    const [ordinary, pops, reads, hears] = Array.from({ length: 4 }, () => master.connection());
    return {
      group: (key) => ordinary.run((client) => client.xGroupCreate(key, "group", "$", { MKSTREAM: true })),
      set: (key, value) => ordinary.run((client) => client.set(key, value)),
      pop: async (key) => (await pops.run((client) => client.blPop(key, 0), Infinity)).element,
      read: async (key) => {
        const from = { key, id: ">" };
        const options = { COUNT: 1, BLOCK: 0, NOACK: true };
        const found = await reads.run((client) => client.xReadGroup("group", "one", from, options), Infinity);
        return found[0].messages[0].message.number;
      },
      hear: (channel, listener) => hears.subscribe(channel, listener),
    };
  },
};

const lines = createInterface({ input: process.stdin });
lines.once("close", () => process.exit(0));
const given = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
given.sentinels = given.sentinels.map((one) => {
  const at = one.lastIndexOf(":");
  return { host: one.slice(0, at), port: Number(one.slice(at + 1)) };
});
const redis = await libraries[process.argv[2]](given);
for (let made = false; !made; ) {
  made = await redis.group(`${given.prefix}:stream`).then(
    () => true,
    (error) => (say("error", error.message), error.message.startsWith("BUSYGROUP")),
  );
}
let number = 0;
forever(async () => {
  await redis.set(`${given.prefix}:${number}`, String(number));
  say("ack", number++, now());
  await pause(EVERY);
});
forever(async () => say("blpop", await redis.pop(`${given.prefix}:list`), now()));
forever(async () => say("xread", await redis.read(`${given.prefix}:stream`), now()));
forever(() => redis.hear(`${given.prefix}:channel`, (text) => say("message", text, now())));

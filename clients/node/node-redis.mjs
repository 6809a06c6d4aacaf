// The recipe for node-redis. Its createSentinel listens for other events than the switch, and takes seconds: so this
// listens itself, and has a plain client of whoever is master.
import { createClient } from "redis";
import { setTimeout as pause } from "node:timers/promises";

// All in ms. A LAN answers in one; a hand-over pauses writes for less than half a second.
const CONNECT_TIMEOUT = 250;
const SENTINEL_TIMEOUT = 3000; // nobody waits for one that is late: all are listened to at once
const ANSWER_TIMEOUT = 500;
const PAUSE = 10;
const PATIENCE = 15000;
const LOOK_EVERY = 2000;
const SWITCHED = "+switch-master";
const ELSEWHERE = /^(READONLY|UNBLOCKED|NOREPLICAS|LOADING|MASTERDOWN)/;

/** Who is master, by the announcements of all Sentinels; ends the connections to who no longer is. */
export class Master {
  /** @type {string | undefined} "host:port" */
  address;
  #answers = new Map();
  #connections = new Set();
  #changed;

  /**
   * @param {{host: string, port: number}[]} sentinels
   * @param {string} name of the master
   * @param {string} password
   */
  constructor(sentinels, name, password) {
    this.name = name;
    this.password = password;
    this.#expect();
    for (const sentinel of sentinels) this.#listen(sentinel);
  }

  /** A connection of its own: one is enough for all ordinary commands, those that wait need one each. */
  connection() {
    const made = new Connection(this);
    this.#connections.add(made);
    return made;
  }

  /** Waits until there is another master, `ms` at most. */
  async changes(ms) {
    await within(ms, this.#changed.promise).catch(() => {});
  }

  #expect() {
    this.#changed?.resolve();
    this.#changed = {};
    this.#changed.promise = new Promise((resolve) => (this.#changed.resolve = resolve));
  }

  // The highest epoch is right: a Sentinel that has slept through a failover has a lower one.
  #heard(sentinel, answer) {
    if (answer) this.#answers.set(sentinel, answer);
    else this.#answers.delete(sentinel);
    const best = [...this.#answers.values()].sort((a, b) => b.epoch - a.epoch)[0];
    if (!best || best.address === this.address) return;
    this.address = best.address;
    this.#expect();
    for (const connection of this.#connections) connection.leave();
  }

  async #listen(sentinel) {
    for (;;) {
      const client = createClient({
        password: this.password,
        socket: { ...sentinel, connectTimeout: SENTINEL_TIMEOUT, reconnectStrategy: false },
      });
      client.on("error", () => {});
      try {
        await within(SENTINEL_TIMEOUT, client.connect());
        const ask = async () => {
          const words = ["SENTINEL", "MASTER", this.name];
          const state = fields(await within(SENTINEL_TIMEOUT, client.sendCommand(words)));
          this.#heard(sentinel, { epoch: Number(state["config-epoch"]), address: `${state.ip}:${state.port}` });
        };
        let wake;
        await within(SENTINEL_TIMEOUT, client.subscribe(SWITCHED, () => wake?.()));
        for (;;) {
          const announced = new Promise((resolve) => (wake = resolve));
          closed(client).then(wake);
          await ask();
          await within(LOOK_EVERY, announced).catch(() => {});
        }
      } catch {
        this.#heard(sentinel, undefined);
        drop(client);
        await pause(PAUSE * 10);
      }
    }
  }
}

/** A connection to whoever is master. */
class Connection {
  #master;
  #client;
  #to;

  constructor(master) {
    this.#master = master;
  }

  /**
   * Does `step(client)`, again and again until a master has answered: `run((client) => client.set("key", "value"))`.
   * `wait`: ms that an answer may take; Infinity for commands that wait.
   */
  async run(step, wait = ANSWER_TIMEOUT) {
    let ends; // counted from the first failure: who waits may have waited for hours
    for (;;) {
      const address = this.#master.address;
      try {
        const client = await this.#connected();
        return await (wait === Infinity ? step(client) : within(wait, step(client)));
      } catch (error) {
        // An error that a well connected master answers is the caller's.
        if (this.#client?.isReady && !(error instanceof Late) && !ELSEWHERE.test(error.message)) throw error;
        ends ??= Date.now() + PATIENCE;
        if (Date.now() > ends) throw error;
        this.#drop();
        if (address === this.#master.address) await this.#master.changes(PAUSE);
      }
    }
  }

  /** Hears a channel for ever, on each master in turn. */
  async subscribe(channel, listener) {
    for (;;) {
      await this.run(async (client) => {
        const ended = closed(client);
        await client.subscribe(channel, listener);
        await ended;
      }, Infinity);
    }
  }

  /** The master says who is master now: an old connection is of no use. */
  leave() {
    if (this.#to !== this.#master.address) this.#drop();
  }

  #drop() {
    drop(this.#client);
    this.#client = undefined;
  }

  async #connected() {
    if (this.#client?.isReady) return this.#client;
    const address = (this.#to = this.#master.address);
    if (!address) throw new Late("no Sentinel answers");
    const at = address.lastIndexOf(":");
    const client = (this.#client = createClient({
      password: this.#master.password,
      socket: {
        host: address.slice(0, at),
        port: Number(address.slice(at + 1)),
        connectTimeout: CONNECT_TIMEOUT,
        reconnectStrategy: false,
      },
    }));
    client.on("error", () => {});
    const gone = closed(client).then(() => Promise.reject(new Late("closed")));
    await within(CONNECT_TIMEOUT, Promise.race([client.connect(), gone]));
    gone.catch(() => {}); // what comes later is seen by who uses it
    return client;
  }
}

class Late extends Error {}

function within(ms, answer) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Late(`no answer in ${ms} ms`)), ms)));
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** When the connection of a client that does not reconnect is over: it says "end" where we, "error" where others end it. */
function closed(client) {
  return new Promise((resolve) => {
    client.once("end", resolve);
    client.once("error", resolve);
  });
}

function drop(client) {
  try {
    client?.destroy();
  } catch {
    // It is closed already.
  }
}

/** What SENTINEL MASTER answers: an object, or names and values in turn. */
function fields(answer) {
  if (!Array.isArray(answer)) return answer;
  return Object.fromEntries(answer.flatMap((name, i) => (i % 2 ? [] : [[name, answer[i + 1]]])));
}
